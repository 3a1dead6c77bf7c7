import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { serveHealth } from './health-server';
import { identity, nameService } from './identity';
import { createServer } from 'node:http';
import { HEALTH_NAMES, listen } from './listen';
import { watchWork } from './watch-work';

describe('work that is watched', () => {
  it('hangs when it takes longer than its limit, and until it ends', async () => {
    let now = Date.parse('2026-11-29T10:00:00Z');
    const work = watchWork(() => now);
    let end: () => void = () => undefined;
    const long = work.during('the sweep', () => new Promise<void>((done) => (end = done)), 1_000);
    const other = work.during('the upkeep', () => new Promise<void>(() => undefined), 60_000);
    void other;
    expect(work.check()).toBe(true);
    now += 1_001;
    expect(work.check()).toBe('the sweep hangs, at the same work since 2026-11-29T10:00:00.000Z');
    end();
    await long;
    expect(work.check()).toBe(true);
  });

  it('that fails is over, and its error is told', async () => {
    let now = 0;
    const work = watchWork(() => now);
    await expect(work.during('x', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    now += 1e9;
    expect(work.check()).toBe(true);
  });
});

/** A process that does this once it is watched, with a limit of half a second. @returns how it ended, and what it said */
async function watched(script: string) {
  const child = spawn(
    process.execPath,
    [
      '-e',
      `require(${JSON.stringify(resolve('dist/shared/service/watch-loop.js'))}).watchLoop('stub', 500, 50); ${script}`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  child.stdout.on('data', (chunk) => (said += String(chunk)));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, said };
}

describe('a process whose event loop stands still', () => {
  it('is ended, and says so', async () => {
    const { signal, said } = await watched('setTimeout(() => { for (;;); }, 100)');
    expect(signal).toBe('SIGKILL');
    expect(JSON.parse(said)).toMatchObject({
      level: 'fatal',
      service: 'stub',
      msg: expect.stringContaining('the event loop has stood still for 0.5 s') as string,
    });
  });

  it('is left alone where it is busy, or was stopped as a whole; and does not live for the watch', async () => {
    const busy = `
      let rounds = 0;
      const spin = () => { const end = Date.now() + 100; while (Date.now() < end); if (++rounds < 8) setTimeout(spin, 60); };
      require('node:child_process').spawn('sh', ['-c', 'sleep 0.2; kill -STOP ' + process.pid + '; sleep 1; kill -CONT ' + process.pid]);
      spin();`;
    expect(await watched(busy)).toMatchObject({ code: 0, said: '' });
  });
});

describe('who answers', () => {
  let served: Awaited<ReturnType<typeof serveHealth>>;
  beforeAll(async () => {
    nameService('inventory-service');
    served = await serveHealth({ checks: { database: () => true } }, 0, '127.0.0.1');
  });
  afterAll(() => served.stop());
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${served.port}${path}`);
    return { status: response.status, body: (await response.json()) as object };
  };

  it('says which service, process and version it is', async () => {
    const { instance, version } = identity();
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect(await ask('/healthz')).toMatchObject({
      status: 200,
      body: { status: 'ok', service: 'inventory-service', instance, version },
    });
  });

  it.each(['/healthz', '/readyz'])('does not pass for another at %s', async (path) => {
    const { instance } = identity();
    for (const query of ['', '?service=inventory-service', `?service=inventory-service&instance=${instance}`])
      expect(await ask(`${path}${query}`)).toMatchObject({ status: 200 });
    for (const query of ['?service=payment-service', '?instance=another']) {
      const { status, body } = await ask(`${path}${query}`);
      expect({ status, said: JSON.stringify(body) }).toEqual({
        status: 503,
        said: expect.stringMatching(/this is (service inventory-service|instance .*), not/) as string,
      });
    }
  });

  it('a container is not well where a stranger answers on its port', async () => {
    const stranger = createServer((_request, response) => response.end('{"ready":true}'));
    await listen(stranger, { port: 0, host: '127.0.0.1' }, HEALTH_NAMES);
    const { port } = stranger.address() as { port: number };
    const check = async (healthPort: number, service: string) => {
      const child = spawn(process.execPath, [resolve('docker/healthcheck.mjs')], {
        env: { HEALTH_PORT: String(healthPort), SERVICE: service },
        stdio: 'ignore',
      });
      return ((await once(child, 'close')) as [number])[0];
    };
    expect(await check(served.port, 'inventory-service')).toBe(0);
    expect(await check(served.port, 'payment-service')).toBe(1);
    expect(await check(port, 'inventory-service')).toBe(1);
    stranger.close();
  });
});
