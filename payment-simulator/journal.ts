import { createReadStream } from 'node:fs';
import { mkdir, open, truncate, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Step } from './book';

/** Where steps are kept before anybody is told of them. */
export interface Journal {
  /** Resolves when the step is on disk. */
  append(step: Step): Promise<void>;
  /** Resolves when all that was appended until now is. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Keeps nothing: everything is forgotten at the end of the process. */
export const noJournal: Journal = {
  append: () => Promise.resolve(),
  settled: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/**
 * A file with a JSON line for each step, for one process. Steps that come while others are being written
 * share the next write and its fsync.
 * @param apply is given every step of earlier runs, in order. The last line may be torn, as a power cut or
 *   `kill -9` leaves it: nobody was told of it, and it is cut off.
 * @param onBroken is told that a step could not be written: what is in memory is ahead of the disk, so the
 *   process has to end; the step's `append` never resolves.
 * @throws when a line before the last cannot be read
 */
export async function openJournal(
  file: string,
  apply: (step: Step) => void,
  onBroken: (error: unknown) => void,
): Promise<Journal> {
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(file, 'a', 0o600);
  try {
    await truncate(file, await replay(file, apply));
    await handle.sync();
    await syncFolder(dirname(file));
  } catch (error) {
    await handle.close();
    throw error;
  }
  return writer(handle, onBroken);
}

function writer(handle: FileHandle, onBroken: (error: unknown) => void): Journal {
  let waiting: { line: string; written: () => void }[] = [];
  let writing: Promise<void> | undefined;
  let last: Promise<void> = Promise.resolve();
  const write = async () => {
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      await handle.appendFile(group.map(({ line }) => line).join(''));
      await handle.datasync();
      for (const { written } of group) written();
    }
    writing = undefined;
  };
  return {
    append: (step) => {
      last = new Promise((written) => waiting.push({ line: `${JSON.stringify(step)}\n`, written }));
      writing ??= write().catch(onBroken);
      return last;
    },
    settled: () => last,
    close: async () => {
      await writing;
      await handle.close();
    },
  };
}

/** @returns how many bytes of the file are whole lines */
async function replay(file: string, apply: (step: Step) => void): Promise<number> {
  let rest: Buffer = Buffer.alloc(0);
  let whole = 0;
  let torn: string | undefined;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    let begin = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, begin)) {
      if (torn) throw new Error(`${torn}; it is not the last line, so this is no crash's doing`);
      const step = parse(rest.toString('utf8', begin, end));
      if (step) {
        apply(step);
        whole += end + 1 - begin;
      } else torn = `${file}: the line at byte ${whole} is no step of a payment`;
      begin = end + 1;
    }
    rest = rest.subarray(begin);
  }
  if (torn && rest.length > 0)
    throw new Error(`${torn}; it is not the last line, so this is no crash's doing`);
  return whole;
}

function parse(line: string): Step | undefined {
  try {
    const step = JSON.parse(line) as Partial<Step> | null;
    return step?.request?.order_id ? (step as Step) : undefined;
  } catch {
    return undefined;
  }
}

/** So that the file's name is on disk too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
