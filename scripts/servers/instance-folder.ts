import { existsSync, lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { checkout, checkoutHash, inLocal } from './checkout';
import type { Search } from './search';
import { readStateFile, writeStateFile } from './state-file';
import { type SystemUser, canEnter } from './system-user';

type ServerName = 'postgres' | 'rabbitmq';

/** Data that its user could not reach below the checkout is kept here instead. */
export const outside = path.join('/var/tmp', `ordermesh-${checkoutHash}`);

/** The folder of this run's servers: one for all starts, one of its own for each other run. */
export function runFolder(purpose: Search['purpose'], pid = process.pid): string {
  return purpose === 'start' ? '' : `${purpose}-${pid}`;
}

/**
 * Where a private server lives: under `.local/`, or, when `user` may not enter
 * there, outside the checkout with a link to it in `.local/`.
 */
export function instanceFolder(name: ServerName, search: Search, user?: SystemUser): string {
  const inside = inLocal(runFolder(search.purpose), name);
  mkdirSync(path.dirname(inside), { recursive: true, mode: 0o755 });
  if (canEnter(user, path.dirname(inside))) return inside;

  makeOwnFolder(outside);
  writeStateFile(path.join(outside, 'checkout.json'), JSON.stringify({ checkout }));
  const folder = path.join(outside, runFolder(search.purpose), name);
  bringAlong(inside, folder, search);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  rmSync(inside, { recursive: true, force: true });
  symlinkSync(folder, inside);
  return folder;
}

/**
 * Of a checkout that was moved, the link still leads to where the data was kept for its old place: the data moves
 * too. Of one that was copied the original keeps its data, and the copy begins with none.
 */
function bringAlong(link: string, folder: string, { log }: Search): void {
  const target = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()
    ? readlinkSync(link)
    : undefined;
  if (target === undefined || target === folder || !existsSync(target) || existsSync(folder)) return;
  const home = readStateFile<{ checkout: string }>(
    path.join(path.dirname(target), 'checkout.json'),
  )?.checkout;
  if (home === undefined) return;
  if (existsSync(path.join(home, '.local')))
    return log(`This checkout is a copy of ${home}, whose data stays there; this one begins with none.`);
  mkdirSync(path.dirname(folder), { recursive: true, mode: 0o755 });
  renameSync(target, folder);
  rmSync(path.dirname(target), { recursive: true, force: true });
}

/** Anyone may create names in /var/tmp: one that somebody else made there is not ours to trust. */
function makeOwnFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.())
    throw new Error(`${folder} belongs to somebody else`);
}
