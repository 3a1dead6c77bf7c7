import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkout } from '../servers/checkout';

// Whether it calls npm: here one that only says so.

let folder: string;
const at = (...segments: string[]) => path.join(folder, ...segments);
const other = { os: [process.platform === 'linux' ? 'darwin' : 'linux'], cpu: [process.arch] };

interface Entry {
  version: string;
  os?: string[];
  cpu?: string[];
  optional?: boolean;
}
const wanted: Record<string, Entry> = {
  'node_modules/a': { version: '1.0.0' },
  'node_modules/native-here': { version: '1.0.0', os: [process.platform], cpu: ['!mips'], optional: true },
  'node_modules/native-there': { version: '1.0.0', ...other, optional: true },
};
const { 'node_modules/native-there': foreign, ...here } = wanted;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-install-'));
  cpSync(path.join(checkout, 'scripts/bootstrap'), at('scripts/bootstrap'), { recursive: true });
  writeFileSync(at('npm-cli.js'), `console.log('npm ' + process.argv[2])`);
  chmodSync(at('npm-cli.js'), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

function install(packages: Record<string, Entry> | undefined): void {
  writeFileSync(at('package-lock.json'), JSON.stringify({ packages: { '': {}, ...wanted } }));
  if (!packages) return;
  for (const where of Object.keys(packages)) mkdirSync(at(where), { recursive: true });
  writeFileSync(at('node_modules/.package-lock.json'), JSON.stringify({ packages }));
}

const said = () =>
  new Promise<string>((resolve, reject) => {
    const script = `import(${JSON.stringify(at('scripts/bootstrap/install-dependencies.mjs'))}).then((m) => m.installDependencies())`;
    const env = { ...process.env, npm_execpath: at('npm-cli.js') };
    execFile(process.execPath, ['-e', script], { env }, (error, _stdout, stderr) =>
      error ? reject(new Error(stderr)) : resolve(stderr),
    );
  });
const INSTALLS = 'Installing dependencies (npm ci)…\nnpm ci\n';

test('what is there is not installed again', async () => {
  install(here);
  expect(await said()).toBe('');
});

test.each<[string, Record<string, Entry> | undefined]>([
  ['nothing is there', undefined],
  ['a version is another', { ...here, 'node_modules/a': { version: '0.9.0' } }],
  [
    'it is of another platform',
    { 'node_modules/a': wanted['node_modules/a']!, 'node_modules/native-there': foreign! },
  ],
])('it is installed where %s', async (_what, packages) => {
  install(packages);
  expect(await said()).toBe(INSTALLS);
});

test('it is installed where a folder is gone, or an install was interrupted', async () => {
  install(here);
  rmSync(at('node_modules/a'), { recursive: true });
  expect(await said()).toBe(INSTALLS);
  install(here);
  writeFileSync(at('node_modules/.package-lock.json'), '{"packages": {"nod');
  expect(await said()).toBe(INSTALLS);
});

test('a checkout that may not be written to is told in one line, and npm is not called', async () => {
  install(undefined);
  cpSync(path.join(checkout, 'scripts/bootstrap.mjs'), at('scripts/bootstrap.mjs'));
  for (const name of ['tsconfig.json', 'scripts/start.ts']) cpSync(path.join(checkout, name), at(name));
  chmodSync(at('.'), 0o555);
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}; // root may write anywhere
  const stderr = await new Promise((resolve) => {
    const env = { ...process.env, npm_execpath: at('npm-cli.js') };
    execFile(
      process.execPath,
      [at('scripts/bootstrap.mjs'), 'start'],
      { env, ...nobody },
      (_error, _out, text) => resolve(text),
    );
  });
  chmodSync(at('.'), 0o755);
  expect(stderr).toMatch(/^Cannot write .*ordermesh-install-.*: this user may not write there; .*\n$/);
});
