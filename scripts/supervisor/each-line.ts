import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Calls back with whole lines, without their ends, however they arrive: lines of several services never mix. */
export function eachLine(source: Readable, onLine: (line: string) => void): void {
  createInterface({ input: source, crlfDelay: Infinity }).on('line', onLine);
}
