import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type StartedProcess, startInBackground, stopProcess, tailOf } from './owned-process';
import { describeProcess, isRunning, processIdentity } from './process-identity';
import { waitUntil } from './wait-until';

let folder: string;
let logFile: string;
const started: StartedProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-test-'));
  logFile = path.join(folder, 'log');
});

afterEach(async () => {
  for (const one of started.splice(0)) await stopProcess(one, { graceMs: 0 });
  rmSync(folder, { recursive: true });
});

async function start(script: string): Promise<StartedProcess> {
  const one = startInBackground(
    process.execPath,
    ['-e', `${script}; console.log('ready'); setInterval(() => {}, 1000)`],
    {
      env: process.env,
      logFile,
      stopSignal: 'SIGTERM',
    },
  );
  started.push(one);
  const ready = () => expect(readFileSync(logFile, 'utf8')).toContain('ready');
  await waitUntil(ready, { what: 'the process', timeoutMs: 10_000 });
  return one;
}

test('a process is asked to end, and gets the time to do so', async () => {
  const one = await start(`process.on('SIGTERM', () => { console.log('drained'); process.exit(0) })`);
  await stopProcess(one);
  expect(isRunning(one)).toBe(false);
  expect(tailOf(logFile)).toContain('drained');
});

test('one that does not end when asked is killed', async () => {
  const one = await start(`process.on('SIGTERM', () => {})`);
  await stopProcess(one, { graceMs: 50 });
  expect(isRunning(one)).toBe(false);
});

test('a hurry cuts the wait short', async () => {
  const one = await start(`process.on('SIGTERM', () => {})`);
  await stopProcess(one, { graceMs: 600_000, hurry: AbortSignal.abort() });
  expect(isRunning(one)).toBe(false);
});

test('a pid that belongs to another process by now is left alone', async () => {
  const one = await start('');
  await stopProcess({ ...one, identity: 'of an earlier process with this pid' });
  expect(isRunning(one)).toBe(true);
});

test('the identity of a process is its own, and that of none is undefined', async () => {
  const one = await start('');
  expect(describeProcess(one.pid).identity).toBe(one.identity);
  expect(processIdentity(process.pid)).not.toBe(one.identity);
  await stopProcess(one, { graceMs: 0 });
  expect(processIdentity(one.pid)).toBeUndefined();
});
