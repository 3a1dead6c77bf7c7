import { linkSync, rmSync } from 'node:fs';
import { checkout, inLocal } from '../servers/checkout';
import { describeProcess, isRunning } from '../servers/process-identity';
import { UserError } from '../servers/search';
import { readStateFile, writeStateFile } from '../servers/state-file';

/**
 * One full `npm start` per checkout: two would share data and ports.
 * @returns the function that gives the lock back
 * @throws UserError while another one runs
 */
export function claimStart(file = inLocal('start.lock')): () => void {
  const own = `${file}.${process.pid}`;
  writeStateFile(own, JSON.stringify({ ...describeProcess(process.pid), checkout }));
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (link(own, file)) return () => rmSync(file, { force: true });
      const holder = read(file);
      if (holder && (holder.checkout ?? checkout) === checkout && isRunning(holder)) {
        throw new UserError(
          `Ordermesh is already running from this checkout (process ${holder.pid}). Stop that one with Ctrl-C first,\n` +
            'or add a service to it: npm start -- <service>',
        );
      }
      rmSync(file, { force: true }); // of a run that was killed, or copied along with the checkout
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

const read = (file: string) => readStateFile<{ pid: number; identity: string; checkout?: string }>(file);
