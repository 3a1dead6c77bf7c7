import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The project's version, as its package.json says it; `unknown` where that is not there. */
export const version: string = read(__dirname);

function read(folder: string): string {
  const file = path.join(folder, 'package.json');
  if (existsSync(file)) {
    const found = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
    if (found.name === 'ordermesh') return found.version ?? 'unknown';
  }
  const parent = path.dirname(folder);
  return parent === folder ? 'unknown' : read(parent);
}
