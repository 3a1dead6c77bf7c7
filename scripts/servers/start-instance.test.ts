import { mkdtempSync, rmSync } from 'node:fs';
import { type Server, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomPortBase } from './free-port';
import { Instance } from './instance';
import { startInBackground } from './owned-process';
import type { Search } from './search';
import { startInstance } from './start-instance';

const said: string[] = [];
const search: Search = {
  purpose: 'test',
  log: (line) => said.push(line),
  signal: new AbortController().signal,
  fresh: false,
};

let folder: string;
let instance: Instance;
let thief: Server | undefined;

beforeEach(() => {
  said.length = 0;
  folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-test-'));
  instance = new Instance(folder);
});

afterEach(async () => {
  await instance.stop();
  if (thief) await new Promise((resolve) => thief!.close(resolve));
  thief = undefined;
  rmSync(folder, { recursive: true });
});

function spawnScript(script: string): void {
  const options = { env: process.env, logFile: instance.inFolder('log'), stopSignal: 'SIGTERM' } as const;
  instance.remember(startInBackground(process.execPath, ['-e', script], options));
}

const listening = () =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(instance.record.ports.it!, '127.0.0.1', () =>
      resolve(socket.destroy() && undefined),
    );
    socket.once('error', reject);
  });

test('a port that is taken between the look at it and the start costs only another try', async () => {
  const start = async () => {
    const { it: port } = await instance.choosePorts({ it: randomPortBase() });
    if (!thief) {
      thief = createServer();
      await new Promise<void>((resolve) => thief!.listen(port, '127.0.0.1', resolve));
    }
    spawnScript(`require('net').createServer().listen(${port}, '127.0.0.1')`);
  };
  const ready = async () => {
    if (said.length === 0) throw new Error('whoever answers now is the thief');
    await listening();
  };
  await startInstance(instance, { what: 'It', start, ready, timeoutMs: 10_000 }, search);
  expect(said).toEqual(['It: one of its ports has just been taken; trying others']);
});

test('a server that ends at its start is reported with the end of its log', async () => {
  const start = async () => spawnScript(`console.log('no space left'); process.exit(1)`);
  const how = { what: 'It', start, ready: () => Promise.reject(new Error('no answer')), timeoutMs: 10_000 };
  await expect(startInstance(instance, how, search)).rejects.toThrow(
    /It ended while it was starting\nThe end of .*log:\n {4}no space left/,
  );
});

test('one that a killed run has left running is used again', async () => {
  await instance.choosePorts({ it: randomPortBase() });
  spawnScript(`require('net').createServer().listen(${instance.record.ports.it}, '127.0.0.1')`);
  const start = jest.fn();
  const found = new Instance(folder);
  await expect(
    startInstance(found, { what: 'It', start, ready: listening, timeoutMs: 10_000 }, search),
  ).resolves.toBe(true);
  expect(start).not.toHaveBeenCalled();
});
