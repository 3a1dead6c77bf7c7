import { nodeModule, runChild } from './run-child.mjs';

/** oxlint with its type-aware rules, then the formatting; both are run, so that one pass shows everything. */
export async function lint() {
  const oxlint = await runChild(process.execPath, [
    nodeModule('oxlint', 'bin', 'oxlint'),
    '--type-aware',
    '--deny-warnings',
  ]);
  const prettier = await runChild(process.execPath, [
    nodeModule('prettier', 'bin', 'prettier.cjs'),
    '--check',
    '.',
  ]);
  process.exitCode = oxlint || prettier;
}
