import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { inLocal } from './checkout';
import { stopInstance } from './instance';
import { outside, runFolder } from './instance-folder';
import { describeProcess, isRunning } from './process-identity';
import { writeStateFile } from './state-file';

/** Says whose the folder is, before anything is put into it. */
export function claimTestRun(): void {
  const folder = inLocal(runFolder('test'));
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeStateFile(path.join(folder, 'owner.json'), JSON.stringify(describeProcess(process.pid)));
}

/** Removes this run's folders; its servers have been stopped. */
export function removeTestRun(): void {
  removeFolders(runFolder('test'));
}

/** Test runs that were killed could not clean up: their servers are stopped and their folders removed. */
export async function cleanUpDeadTestRuns(): Promise<void> {
  const runs = readdirSync(inLocal()).filter((name) => /^test-\d+$/.test(name));
  for (const run of runs.filter((name) => !ownerRuns(name))) {
    for (const server of ['postgres', 'rabbitmq']) {
      await stopInstance(inLocal(run, server));
    }
    removeFolders(run);
  }
}

function ownerRuns(run: string): boolean {
  try {
    return isRunning(
      JSON.parse(readFileSync(inLocal(run, 'owner.json'), 'utf8')) as { pid: number; identity: string },
    );
  } catch {
    return false;
  }
}

function removeFolders(run: string): void {
  for (const folder of [inLocal(run), path.join(outside, run)])
    rmSync(folder, { recursive: true, force: true });
}
