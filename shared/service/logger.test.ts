import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { until } from '../testing/until';
import path from 'node:path';

const logger = path.resolve('dist/shared/service/logger.js');

/** What a process logs, line by line. */
function logged(code: string): Record<string, unknown>[] {
  const script = `const log = require(${JSON.stringify(logger)}).createLogger('tested', 'info'); ${code}`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect(stderr).toBe('');
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a line has its service, its level as a word, its time in UTC and its fields', () => {
  const [line] = logged(`log.info({ order_id: 'o-1', attempt: 1 }, 'handled')`);
  expect(line).toMatchObject({
    service: 'tested',
    level: 'info',
    order_id: 'o-1',
    attempt: 1,
    msg: 'handled',
  });
  expect(line?.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('what is secret in an object or an error is not told', () => {
  const lines = logged(`
    log.warn({ gateway: { url: 'http://x', token: 'tok_secret', password: 'secret' } }, 'one');
    log.error({ err: Object.assign(new Error('broke'), { code: 'E1', connectionString: 'postgresql://u:secret@h/d', config: { key: 'secret' } }) }, 'two');
    log.info({ items: ['a'], nothing: null }, 'three');`);
  expect(JSON.stringify(lines)).not.toContain('secret');
  expect(lines).toMatchObject([
    { gateway: { url: 'http://x', token: '[redacted]', password: '[redacted]' } },
    { err: { message: 'broke', code: 'E1', connectionString: '[redacted]', config: '[redacted]' } },
    { items: ['a'], nothing: null },
  ]);
  expect(lines[1]).toMatchObject({ err: { stack: expect.stringContaining('broke') as string } });
});

test('lines are written soon, also those that come while others are being written, and nothing follows', async () => {
  const script = `
    const log = require(${JSON.stringify(logger)}).createLogger('tested', 'info');
    const fs = require('node:fs');
    const { write } = fs;
    let writes = 0;
    fs.write = (fd, ...rest) => {
      writes += 1;
      if (writes === 1) setTimeout(() => log.info('while it writes'), 10);
      setTimeout(() => write(fd, ...rest), 200);
    };
    log.info('first');
    process.on('message', () => setTimeout(() => process.send(writes), 300));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  let output = '';
  child.stdout!.on('data', (chunk) => (output += String(chunk)));
  await until('both lines', () => output.includes('"first"') && output.includes('"while it writes"'));
  child.send('how many writes, a few hundred milliseconds later?');
  const [writes] = await once(child, 'message');
  child.disconnect();
  expect(writes).toBe(2);
});

test('output that nobody reads takes a bounded part of the memory, and what was dropped is counted', async () => {
  const script = `
    const log = require(${JSON.stringify(logger)}).createLogger('tested', 'info');
    const text = 'x'.repeat(1000);
    const timer = setInterval(() => {
      for (let n = 0; n < 2000; n++) log.info({ text }, 'line');
      process.send(process.memoryUsage().rss);
    }, 20);
    process.on('message', () => { clearInterval(timer); setTimeout(() => process.disconnect(), 1500); });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  let rss = 0;
  let rounds = 0;
  child.on('message', (bytes) => {
    rss = Math.max(rss, Number(bytes));
    rounds += 1;
  });
  await until('a hundred megabytes to be logged', () => rounds > 50, 30_000);
  expect(rss).toBeLessThan(250 * 1024 * 1024);
  child.send('enough');
  const output = await text(child.stdout!);
  expect(output).toContain('log lines were dropped, because nobody read the output');
});
