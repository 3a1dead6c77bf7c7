import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { inRoot } from './root.mjs';
import { nodeModule, runStep } from './run-child.mjs';

const tsc = () => nodeModule('typescript', 'bin', 'tsc');
const stamp = inRoot('dist', '.compiled');

/** Compiles everything to dist/, incrementally; nothing where nothing has changed since the last time. */
export async function compile() {
  if (isUpToDate()) return;
  await alone(async () => {
    const before = inputs();
    if (isUpToDate(before)) return; // by whoever we waited for
    console.error('Compiling…');
    rmSync(stamp, { force: true });
    // The compiler believes its notes, and would not write an output again that somebody deleted.
    if (!hasOutputs(before)) rmSync(inRoot('dist', '.tsbuildinfo'), { force: true });
    await runStep('The TypeScript compilation', process.execPath, [tsc(), '-p', inRoot('tsconfig.json')]);
    removeOrphans();
    writeFileSync(stamp, before.hash);
  });
}

export async function typecheck() {
  await runStep('The type check', process.execPath, [tsc(), '-p', inRoot('tsconfig.json'), '--noEmit']);
}

function isUpToDate(now = inputs()) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === now.hash && hasOutputs(now);
}

const hasOutputs = ({ sources }) =>
  sources.every((source) => existsSync(inRoot('dist', source.replace(/\.ts$/, '.js'))));

/** The sources, and a hash of all that a compilation depends on: files by name, size and time. */
function inputs() {
  const sources = readdirSync(inRoot(), { withFileTypes: true })
    .filter((entry) => !/^(\.|node_modules$|dist$|coverage$)/.test(entry.name))
    .flatMap((entry) => (entry.isDirectory() ? below(entry.name) : [entry.name]))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .sort();
  const hash = createHash('sha256').update(process.version);
  for (const file of [...sources, 'tsconfig.json', 'package-lock.json']) {
    const { size, mtimeMs } = statSync(inRoot(file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return { sources, hash: hash.digest('hex') };
}

const below = (folder) =>
  readdirSync(inRoot(folder), { recursive: true }).map((name) => `${folder}/${name}`.replaceAll('\\', '/'));

/** One compilation at a time: two that write the same files would leave halves of them to whoever runs them. */
async function alone(work) {
  mkdirSync(inRoot('dist'), { recursive: true });
  const lock = inRoot('dist', '.compiling');
  for (let tries = 0; !claim(lock); tries += 1) {
    if (tries === 0) console.error('Waiting for another command that compiles…');
    if (tries > 1200 || !holderRuns(lock))
      rmSync(lock, { force: true }); // it was killed
    else await delay(100);
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function claim(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

function holderRuns(lock) {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * The compiler leaves the outputs of deleted sources behind, and a service is
 * discovered by its output: a removed one would go on being started.
 */
function removeOrphans() {
  const dist = inRoot('dist');
  for (const name of readdirSync(dist, { recursive: true })) {
    const source = /^(.*)\.js(\.map)?$/.exec(name)?.[1];
    if (source && !existsSync(inRoot(`${source}.ts`))) rmSync(`${dist}/${name}`);
  }
}
