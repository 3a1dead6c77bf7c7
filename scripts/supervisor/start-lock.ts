import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { inLocal } from '../servers/checkout';
import { describeProcess, isRunning } from '../servers/process-identity';
import { UserError } from '../servers/search';

/**
 * One full `npm start` per checkout: two would share data and ports.
 * @returns the function that gives the lock back
 * @throws UserError while another one runs
 */
export function claimStart(file = inLocal('start.lock')): () => void {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(describeProcess(process.pid)));
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (link(own, file)) return () => rmSync(file, { force: true });
      const holder = read(file);
      if (holder && isRunning(holder)) {
        throw new UserError(
          `Ordermesh is already running from this checkout (process ${holder.pid}). Stop that one with Ctrl-C first,\n` +
            'or add a service to it: npm start -- <service>',
        );
      }
      rmSync(file, { force: true }); // of a run that was killed
    }
    throw new Error(`${file} could not be claimed`);
  } finally {
    rmSync(own, { force: true });
  }
}

/** Creates `file` with its content in one step; false when it exists. */
function link(from: string, file: string): boolean {
  try {
    linkSync(from, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): { pid: number; identity: string } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { pid: number; identity: string };
  } catch {
    return undefined;
  }
}
