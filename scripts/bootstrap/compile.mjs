import { existsSync, readdirSync, rmSync } from 'node:fs';
import { inRoot } from './root.mjs';
import { nodeModule, runStep } from './run-child.mjs';

const tsc = () => nodeModule('typescript', 'bin', 'tsc');

/** Compiles everything to dist/, incrementally. */
export async function compile() {
  await runStep('The TypeScript compilation', process.execPath, [tsc(), '-p', inRoot('tsconfig.json')]);
  removeOrphans();
}

export async function typecheck() {
  await runStep('The type check', process.execPath, [tsc(), '-p', inRoot('tsconfig.json'), '--noEmit']);
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
