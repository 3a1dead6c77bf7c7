import { existsSync, readdirSync } from 'node:fs';
import { inRoot } from './root.mjs';

/** Commands of scripts/ that need no sources; those of operator/ never do. */
const scripts = ['demo', 'migrate', 'users'];

/** A container's image has the compiled code and nothing to compile it with. */
export const isImage = () => existsSync(inRoot('dist')) && !existsSync(inRoot('tsconfig.json'));

/** Runs a compiled command in this process. The image has all that it needs: nothing is installed or compiled. */
export async function runInImage(name, args) {
  const file = compiledFile(name);
  if (!file) {
    const refusal = name ? `npm run ${name} needs a checkout of the sources.` : 'Usage: npm run <command>.';
    console.error(`${refusal} In this image there are: ${names()}.`);
    process.exitCode = 1;
    return;
  }
  process.argv = [process.execPath, file, ...args];
  await import(file);
}

function compiledFile(name) {
  if (operatorCommands().includes(name)) return inRoot('dist', 'operator', `${name}.js`);
  return scripts.includes(name) ? inRoot('dist', 'scripts', `${name}.js`) : undefined;
}

const names = () => [...operatorCommands(), ...scripts].sort().join(', ');

const operatorCommands = () =>
  readdirSync(inRoot('dist', 'operator')).flatMap((file) =>
    file === 'rights.js' ? [] : (/^([a-z-]+)\.js$/.exec(file)?.[1] ?? []),
  );
