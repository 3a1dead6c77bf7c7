import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkout } from './servers/checkout';

// A folder as the image has it: what is compiled, and the entry of the npm scripts; no sources.

let image: string;
beforeAll(() => {
  image = mkdtempSync(path.join(tmpdir(), 'ordermesh-image-'));
  cpSync(path.join(checkout, 'scripts', 'bootstrap'), path.join(image, 'scripts', 'bootstrap'), {
    recursive: true,
  });
  for (const file of ['package.json', 'scripts/bootstrap.mjs'])
    cpSync(path.join(checkout, file), path.join(image, file));
  for (const script of ['operator/audit', 'scripts/migrate', 'scripts/start']) {
    const file = path.join(image, 'dist', `${script}.js`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `console.log('${script}', process.argv.slice(2).join(' ')); process.exitCode = 3;`);
  }
});
afterAll(() => rmSync(image, { recursive: true, force: true }));

const run = (...args: string[]) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) =>
    execFile(
      process.execPath,
      [path.join(image, 'scripts', 'bootstrap.mjs'), ...args],
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }),
    ),
  );

test.each(['operator/audit', 'scripts/migrate'])(
  '%s runs at once, with its arguments and its exit code',
  async (script) => {
    const { code, stdout, stderr } = await run(path.basename(script), '--grace', '5');
    expect({ code, stdout, stderr }).toEqual({ code: 3, stdout: `${script} --grace 5\n`, stderr: '' });
  },
);

test.each(['start', 'test', 'lint', '../scripts/migrate'])(
  '%s needs a checkout, and says so',
  async (name) => {
    const { code, stdout, stderr } = await run(name);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      `npm run ${name} needs a checkout of the sources. In this image there are: audit, demo, migrate, users.\n`,
    );
  },
);

test('without a name it says what there is', async () => {
  expect(await run()).toMatchObject({
    code: 1,
    stderr: 'Usage: npm run <command>. In this image there are: audit, demo, migrate, users.\n',
  });
});
