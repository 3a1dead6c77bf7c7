import { spawnSync } from 'node:child_process';
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
