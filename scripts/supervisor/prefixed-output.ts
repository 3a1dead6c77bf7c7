import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const colours = [36, 33, 35, 32, 34, 96, 93, 95];

/** Copies whole lines to `write`, each behind the service's name: lines of several services never mix. */
export function prefixLines(source: Readable, prefix: string, write: (line: string) => void): void {
  createInterface({ input: source, crlfDelay: Infinity }).on('line', (line) => write(`${prefix}${line}\n`));
}

/** One column for all names, and a colour for each where there is a terminal. */
export function prefixes(services: string[], colour: boolean): Record<string, string> {
  const width = Math.max(...services.map((name) => name.length));
  return Object.fromEntries(
    services.map((name, index) => {
      const text = `${name.padEnd(width)} | `;
      return [name, colour ? `\u001b[${colours[index % colours.length]}m${text}\u001b[0m` : text];
    }),
  );
}
