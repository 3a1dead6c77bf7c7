import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';

const FOR_MS = 300;

/**
 * How often a second a small write reaches the disk of that folder for good: what every commit waits for,
 * and what other programs on the machine may slow down.
 */
export function syncsPerSecond(folder: string): number {
  const file = `${folder}/disk-speed`;
  const block = Buffer.alloc(8192);
  const descriptor = openSync(file, 'w');
  try {
    writeSync(descriptor, block, 0, block.length, 0);
    fdatasyncSync(descriptor); // from here on the file does not grow
    const startedAt = performance.now();
    let syncs = 0;
    for (; performance.now() - startedAt < FOR_MS; syncs += 1) {
      writeSync(descriptor, block, 0, block.length, 0);
      fdatasyncSync(descriptor);
    }
    return (syncs * 1000) / (performance.now() - startedAt);
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
}
