import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkout } from '../servers/checkout';

// A checkout of two files, with a # and a space in its path.

let folder: string;
const at = (...segments: string[]) => path.join(folder, ...segments);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ordermesh # '));
  for (const name of ['scripts/bootstrap', 'tsconfig.json', 'package-lock.json'])
    cpSync(path.join(checkout, name), at(name), {
      recursive: true,
      filter: (file) => !file.endsWith('.test.ts'),
    });
  symlinkSync(path.join(checkout, 'node_modules'), at('node_modules'));
  mkdirSync(at('shared'));
  for (const name of ['one', 'two']) writeFileSync(at('shared', `${name}.ts`), `export const ${name} = 1;\n`);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** @returns what it said */
const compile = () =>
  new Promise<string>((resolve, reject) => {
    const script = `import(${JSON.stringify(pathToFileURL(at('scripts/bootstrap/compile.mjs')).href)}).then((m) => m.compile())`;
    execFile(process.execPath, ['-e', script], (error, _stdout, stderr) =>
      error ? reject(new Error(stderr)) : resolve(stderr),
    );
  });

test('it says that it compiles, and does so only when something changed', async () => {
  expect(await compile()).toBe('Compiling…\n');
  expect(await compile()).toBe('');

  writeFileSync(at('shared', 'three.ts'), 'export const three = 3;\n');
  expect(await compile()).toBe('Compiling…\n');
  expect(existsSync(at('dist/shared/three.js'))).toBe(true);

  rmSync(at('shared', 'one.ts'));
  expect(await compile()).toBe('Compiling…\n');
  expect(existsSync(at('dist/shared/one.js'))).toBe(false);
  expect(await compile()).toBe('');
});

test.each(['dist/shared/two.js', 'dist'])('%s is made again after it was deleted', async (name) => {
  await compile();
  rmSync(at(name), { recursive: true });
  expect(await compile()).toBe('Compiling…\n');
  expect(existsSync(at('dist/shared/two.js'))).toBe(true);
  expect(await compile()).toBe('');
});

test('of two at the same time one compiles, and the other waits for it', async () => {
  const said = await Promise.all([compile(), compile()]);
  expect(said.sort()).toEqual([
    'Compiling…\n',
    expect.stringMatching(/^(Waiting for another command that compiles…\n)?$/),
  ]);
  expect(existsSync(at('dist/.compiling'))).toBe(false);
});

test('what a killed one left does not hold up the next', async () => {
  mkdirSync(at('dist'));
  writeFileSync(at('dist/.compiling'), '999999999');
  expect(await compile()).toBe('Waiting for another command that compiles…\nCompiling…\n');
});
