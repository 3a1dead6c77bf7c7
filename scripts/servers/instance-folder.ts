import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { checkout, checkoutHash, inLocal } from './checkout';
import { type Search, UserError } from './search';
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
 * RabbitMQ 3.10 puts the path of its data into a shell command (`df -kP "…"`, rabbit_disk_monitor) and waits for its
 * answer for ever: with a quote in it, it never becomes ready. What is not known to be harmless stays out of it.
 */
const speltPlainly = (name: ServerName, folder: string) =>
  name !== 'rabbitmq' || /^[\p{L}\p{M}\p{N} ./_@+#?%,=:~()-]*$/u.test(folder);

/**
 * Where a private server lives: under `.local/`, or, when `user` may not enter
 * there or the server cannot work at such a path, outside the checkout with a link to it in `.local/`.
 */
export function instanceFolder(name: ServerName, search: Search, user?: SystemUser): string {
  const inside = inLocal(runFolder(search.purpose), name);
  mkdirSync(path.dirname(inside), { recursive: true, mode: 0o755 });
  const fits = speltPlainly(name, inside) && canEnter(user, path.dirname(inside));
  const folder = fits ? inside : path.join(outside, runFolder(search.purpose), name);
  if (!fits) {
    makeOwnFolder(outside);
    writeStateFile(path.join(outside, 'checkout.json'), JSON.stringify({ checkout }));
    mkdirSync(path.dirname(folder), { recursive: true, mode: 0o755 });
  }
  bringAlong(inside, folder, search);
  if (fits) return inside;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  rmSync(inside, { recursive: true, force: true });
  symlinkSync(folder, inside);
  return folder;
}

/**
 * Of a checkout that was moved, the link still leads to where the data was kept for its old place: the data moves
 * too. Of one that was copied the original keeps its data, and the copy begins with none: two servers on the same
 * data would destroy it.
 */
function bringAlong(link: string, folder: string, { log }: Search): void {
  const target = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()
    ? readlinkSync(link)
    : undefined;
  if (target === undefined || target === folder) return;
  const home = readStateFile<{ checkout: string }>(
    path.join(path.dirname(target), 'checkout.json'),
  )?.checkout;
  const movable = home === checkout || (home !== undefined && !existsSync(path.join(home, '.local')));
  if (movable && existsSync(target) && (folder === link || !existsSync(folder)))
    return moveData(target, link, folder);
  if (existsSync(target))
    log(
      `The data in ${target} belongs to ${home ?? 'another checkout'} and stays there; this checkout begins with none.`,
    );
  rmSync(link);
}

/** By a copy, as it may be to another disk; a kill at any moment leaves the link and what it leads to, or the copy. */
function moveData(from: string, link: string, to: string): void {
  const copy = `${to}.new`;
  rmSync(copy, { recursive: true, force: true });
  // Not Node's own: that gives what it copies to whoever runs it.
  const { status, stderr } = spawnSync('cp', ['-a', from, copy], { encoding: 'utf8' });
  if (status !== 0) throw new UserError(`The data in ${from} could not be moved to ${to}.\n${stderr.trim()}`);
  if (to === link) rmSync(link);
  renameSync(copy, to);
  rmSync(from, { recursive: true, force: true });
}

/** Anyone may create names in /var/tmp: one that somebody else made there is not ours to trust. */
function makeOwnFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.())
    throw new UserError(
      `${folder} belongs to another user, and this checkout's data would be kept there. Ask its owner to remove it.`,
    );
}
