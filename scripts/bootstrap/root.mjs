import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** An absolute path inside the checkout, wherever the command was started from. */
export function inRoot(...segments) {
  return path.join(root, ...segments);
}
