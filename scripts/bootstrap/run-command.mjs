import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { compile, typecheck } from './compile.mjs';
import { generateClient } from './generate-client.mjs';
import { installDependencies } from './install-dependencies.mjs';
import { lint } from './lint.mjs';
import { inRoot } from './root.mjs';
import { runChild } from './run-child.mjs';

/** Each runs after the dependencies are there; what it compiles first is its own business. */
const commands = {
  start: compiled('scripts/start'),
  test: compiled('scripts/run-tests'),
  migrate: compiled('scripts/migrate'),
  smoke: async (args) => {
    process.exitCode = await runChild('bash', [inRoot('scripts', 'smoke', 'run.sh'), ...args]);
  },
  build: async () => build(),
  typecheck: async () => {
    await generateClient();
    await typecheck();
  },
  lint: async () => {
    await generateClient(); // the type-aware rules need its types
    await lint();
  },
};

export async function runCommand(name, args) {
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : compiledCommand(name);
  if (!command) {
    console.error(`Usage: npm run <${Object.keys(commands).join('|')}>`);
    process.exitCode = 1;
    return;
  }
  if (name !== 'smoke') await installDependencies();
  await command(args);
}

/** Folders whose `<name>.ts` are commands: only package.json has to name a new one. */
const homes = ['operator', 'proof', 'scripts'];

function compiledCommand(name) {
  if (!/^[a-z][a-z-]*$/.test(name ?? '')) return undefined;
  const home = homes.find((folder) => existsSync(inRoot(folder, `${name}.ts`)));
  return home && compiled(`${home}/${name}`);
}

async function build() {
  await generateClient();
  await compile();
}

/** Runs it in this process: one process less between a Ctrl-C and what it has to stop. */
function compiled(script) {
  return async (args) => {
    await build();
    const file = inRoot('dist', `${script}.js`);
    process.argv = [process.execPath, file, ...args];
    await import(pathToFileURL(file).href); // a path may have a # or % in it
  };
}
