import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { waitUntil } from '../servers/wait-until';
import { SupervisedService, restartDelay } from './supervised-service';

let folder: string;
let service: SupervisedService;
let log: string[];
let said: string[];
let pids: number[];
let hopeless: string[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-test-'));
  [log, said, pids, hopeless] = [[], [], [], []];
});

afterEach(async () => {
  await service.stop(0);
  rmSync(folder, { recursive: true });
});

function start(script: string, env: () => NodeJS.ProcessEnv = () => process.env): void {
  const main = path.join(folder, 'main.js');
  writeFileSync(main, `${script}; setInterval(() => {}, 1000); console.log('up')`);
  service = new SupervisedService({
    name: 'stub',
    main,
    env,
    write: (line) => log.push(line),
    writeError: (line) => log.push(line),
    say: (line) => said.push(line),
    onStarted: (pid) => pids.push(pid),
    onHopeless: (why) => hopeless.push(why),
  });
  service.start();
}

const starts = (count: number) =>
  waitUntil(() => expect(log.filter((line) => line === 'up')).toHaveLength(count), {
    what: `start ${count}`,
    timeoutMs: 10_000,
    everyMs: 20,
  });

test('a service that dies is started again, and the log says so', async () => {
  start('');
  await starts(1);
  process.kill(pids[0]!, 'SIGKILL');
  await starts(2);
  expect(said).toEqual(['stub was ended by SIGKILL; restarting it in 250 ms']);
  expect(pids[1]).not.toBe(pids[0]);
});

test('one that is told to stop drains, and is not started again', async () => {
  start(`process.on('SIGTERM', () => { console.log('drained'); process.exit(0) })`);
  await starts(1);
  await service.stop(10_000);
  expect(said).toEqual([]);
  await waitUntil(() => expect(log).toContain('drained'), {
    what: 'its last line',
    timeoutMs: 5000,
  });
});

test('one that does not drain in time is killed', async () => {
  start(`process.on('SIGTERM', () => {})`);
  await starts(1);
  await service.stop(50);
  expect(said.at(-1)).toBe('stub was ended by SIGKILL while it was stopping');
});

test('stopping one that waits for its restart only cancels that', async () => {
  start(`process.exit(3)`);
  await waitUntil(() => expect(said).toHaveLength(1), { what: 'the end', timeoutMs: 10_000, everyMs: 10 });
  expect(said[0]).toMatch(/^stub ended with exit code 3; restarting it in 250 ms$/);
  await service.stop(10_000);
  expect(pids).toHaveLength(1);
});

test('one whose configuration is wrong is not started again, and its message is passed on', async () => {
  start(
    `console.log(JSON.stringify({ level: 'fatal', msg: 'Bad configuration: MAX: must be a number' })); process.exit(78)`,
  );
  await waitUntil(() => expect(hopeless).toHaveLength(1), {
    what: 'the end',
    timeoutMs: 10_000,
    everyMs: 10,
  });
  expect(hopeless).toEqual(['stub cannot start. Bad configuration: MAX: must be a number']);
  expect(pids).toHaveLength(1);
});

test('one that never was ready and dies again and again is given up, with its last words', async () => {
  start(`throw new TypeError('broken'); `);
  await waitUntil(() => expect(hopeless).toHaveLength(1), {
    what: 'the end',
    timeoutMs: 20_000,
    everyMs: 20,
  });
  expect(hopeless).toEqual(['stub cannot start. TypeError: broken']);
  expect(pids).toHaveLength(4);
});

test('one that was ready is started again whatever it ends with', async () => {
  start(`setTimeout(() => process.exit(78), 50)`);
  service.markReady();
  await starts(2);
  expect(hopeless).toEqual([]);
});

test('one that hangs is killed, and started again', async () => {
  start('');
  await starts(1);
  process.kill(pids[0]!, 'SIGSTOP');
  service.replace('does not answer');
  await starts(2);
  expect(said).toContain('stub does not answer: killing it, to start it anew');
});

test('restarts are quick at first, and never later than after ten seconds', () => {
  expect([0, 1, 2, 5, 6, 50].map(restartDelay)).toEqual([250, 500, 1000, 8000, 10_000, 10_000]);
});

test('one that has no port at the moment is started as soon as it has', async () => {
  let asked = 0;
  start('', () => {
    asked += 1;
    if (asked === 1) throw new Error('no port is free');
    return process.env;
  });
  await starts(1);
  expect(said).toEqual(['stub could not be started (no port is free); restarting it in 250 ms']);
});

test('one for which there is no file descriptor is started as soon as there is', async () => {
  start(''); // for the clean-up alone; the one that is meant runs in a process with few descriptors
  const compiled = path.resolve(__dirname, '../../dist/scripts/supervisor/supervised-service.js');
  const script = path.join(folder, 'supervisor.js');
  writeFileSync(
    script,
    `const { openSync, closeSync } = require('node:fs');
     const { SupervisedService } = require(${JSON.stringify(compiled)});
     const taken = [];
     const env = () => {
       if (taken.length > 0) taken.splice(0).forEach((one) => closeSync(one));
       else try { for (;;) taken.push(openSync('/dev/null')); } catch {}
       return process.env;
     };
     const say = (line) => process.stdout.write('said: ' + line + '\\n');
     const ended = (line) => { say(line); service.kill(); process.exit(); };
     const options = { name: 'stub', main: ${JSON.stringify(path.join(folder, 'main.js'))}, env, say };
     const service = new SupervisedService({ ...options, write: ended, writeError: say, onStarted: () => {} });
     service.start();`,
  );
  const { stdout } = await promisify(execFile)(
    'sh',
    ['-c', 'ulimit -n 64; exec "$0" "$1"', process.execPath, script],
    {
      timeout: 20_000,
    },
  );
  expect(stdout.trim().split('\n')).toEqual([
    expect.stringMatching(/^said: stub: spawn .* EMFILE$/),
    expect.stringMatching(/^said: stub ended with exit code .*; restarting it in 250 ms$/),
    'said: up',
  ]);
});
