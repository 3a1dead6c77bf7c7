import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { cannotWrite } from './state-file';

/** The checkout (or the image's folder) that this file was compiled or loaded from. */
export const checkout = findCheckout(__dirname);

/** Short and stable name of this checkout, for what has to live outside it. */
export const checkoutHash = createHash('sha256').update(checkout).digest('hex').slice(0, 8);

/** A path under `.local/`, where everything that outlives a run is kept; the folder is made. */
export function inLocal(...segments: string[]): string {
  const local = path.join(checkout, '.local');
  try {
    mkdirSync(local, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw cannotWrite(local, error);
  }
  return path.join(local, ...segments);
}

function findCheckout(folder: string): string {
  // Both the sources and dist/ are below it, at different depths.
  if (existsSync(path.join(folder, 'prisma', 'migrations'))) return folder;
  const parent = path.dirname(folder);
  if (parent === folder) throw new Error(`No prisma/migrations above ${__dirname}`);
  return findCheckout(parent);
}
