import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inRoot } from './root.mjs';
import { runStep } from './run-child.mjs';

/**
 * `npm ci`, unless node_modules already holds what package-lock.json asks for, built for this platform.
 * npm writes node_modules/.package-lock.json last, so its presence also says that
 * the install was not interrupted.
 */
export async function installDependencies() {
  if (installed()) return;
  // npm would answer with a stack.
  for (const folder of [inRoot(), inRoot('node_modules')])
    if (existsSync(folder)) accessSync(folder, constants.W_OK);
  console.error('Installing dependencies (npm ci)…');
  const [program, prefix] = npm();
  // npm start sets npm_config_* and NODE_ENV for us; an install must not inherit "production".
  const env = { ...process.env, NODE_ENV: 'development' };
  await runStep('npm ci', program, [...prefix, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    env,
    hint: 'It needs the npm registry (npm config get registry) and space on the disk.',
  });
}

function installed() {
  const wanted = packagesIn(inRoot('package-lock.json'));
  const present = packagesIn(inRoot('node_modules', '.package-lock.json'));
  if (!wanted || !present || Object.values(present).some(isForeign)) return false;
  return Object.entries(wanted).every(([where, entry]) => {
    if (where === '' || entry.link) return true;
    // Packages for other platforms are in the lock file and never installed.
    if (!present[where]) return Boolean(entry.optional);
    return present[where].version === entry.version && existsSync(inRoot(where));
  });
}

/** Copied along from a machine of another kind; npm installs no such package here, so this cannot repeat itself. */
const isForeign = ({ os, cpu }) => !allows(os, process.platform) || !allows(cpu, process.arch);

/** As npm reads "os" and "cpu": names that are allowed, or with a "!" those that are not. */
const allows = (list, own) =>
  !list ||
  list.includes('any') ||
  (list.some((name) => !name.startsWith('!')) ? list.includes(own) : !list.includes(`!${own}`));

function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** The npm that started us, else the one beside this Node, else the one on PATH. */
function npm() {
  const beside = path.resolve(path.dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js');
  const script = [process.env.npm_execpath, beside].find(
    (file) => file?.endsWith('npm-cli.js') && existsSync(file),
  );
  return script ? [process.execPath, [script]] : ['npm', []];
}
