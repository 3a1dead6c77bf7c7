import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { checkout } from './servers/checkout';

const runMain = path.join(checkout, 'dist', 'scripts', 'run-main.js');

/** Runs a body as a command, and answers how it ended. */
async function command(
  body: string,
  stdout: number | 'pipe',
  options = '{}',
  read?: (output: NodeJS.ReadableStream) => void,
) {
  const child = spawn(
    process.execPath,
    ['-e', `require(${JSON.stringify(runMain)}).runMain(async ({ stopping }) => { ${body} }, ${options});`],
    { stdio: ['ignore', stdout, 'pipe'] },
  );
  if (child.stdout) read?.(child.stdout);
  const [said, [code]] = await Promise.all([text(child.stderr!), once(child, 'close') as Promise<[number]>]);
  return { code, said };
}

describe('a disk that is full', () => {
  let full: number;
  beforeAll(() => (full = openSync('/dev/full', 'w')));
  afterAll(() => closeSync(full));
  const said = expect.stringMatching(/^The output is lost, or not all there: ENOSPC.*\.\n$/) as string;

  it.each([
    ['console.log("a"); console.log("b"); return 0;', '{}'],
    ['console.log("a"); return 2;', '{}'],
    ['console.log("a"); await new Promise(setImmediate); console.log("b"); return 0;', '{}'],
    ['console.log("a"); return 0;', '{ stopsUnread: true }'],
    // As npm run mesh -- --watch does.
    [
      'setInterval(() => console.log("a"), 9); await require("node:events").once(stopping, "abort"); return 0;',
      '{ stopsUnread: true, stoppedCode: 0 }',
    ],
  ])('is told once, and the exit code is 1: %s', async (body, options) => {
    expect(await command(body, full, options)).toEqual({ code: 1, said });
  });

  it('is nothing to a command that writes nothing', async () => {
    expect(await command('return 0;', full)).toEqual({ code: 0, said: '' });
  });
});

it('a reader that has had enough is no failure', async () => {
  const endless =
    'while (!stopping.aborted) { console.log("a".repeat(9999)); await new Promise(setImmediate); } return 0;';
  const some = (output: NodeJS.ReadableStream) =>
    output.once('data', () => (output as NodeJS.ReadableStream & { destroy(): void }).destroy());
  expect(await command(endless, 'pipe', '{ stopsUnread: true, stoppedCode: 0 }', some)).toEqual({
    code: 0,
    said: '',
  });
});

it('a reader that takes nothing is waited for, and told of when somebody wants it to stop', async () => {
  const unread =
    'console.log("a".repeat(10_000_000)); setImmediate(() => process.kill(process.pid)); return 0;';
  expect(await command(unread, 'pipe')).toEqual({
    code: 1,
    said: 'The output is lost, or not all there: nobody has taken the rest of it.\n',
  });
});
