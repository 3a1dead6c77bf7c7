import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Version } from '../testbed/prepare-version';

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

const LONGEST_MS = 180_000;

/** Runs a command of a version, as somebody would who has that version checked out. */
export function runCommandOf(
  version: Version,
  script: string,
  args: readonly string[],
  environment: Record<string, string>,
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(version.dist, `${script}.js`), ...args], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LONGEST_MS,
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({
        code,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}
