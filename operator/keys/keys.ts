import { makeApiKey } from '../../order-api/access/api-key';
import { briefly } from '../../shared/messaging/failure';
import type { Database } from '../../shared/service/database';
import { newId } from '../../shared/ids';
import type { WantedKey } from './arguments';

/** Thrown where there is nothing to be done; the message says why. */
export class KeyError extends Error {
  override name = 'KeyError';
}

/** A key that was just made: the only moment at which its text is there. */
export interface NewSecret {
  id: string;
  text: string;
  expiresAt: Date | null;
}

/** Shows a key's text, before it is kept: one that nobody has seen is good for nothing. @throws where it could not */
export type Show = (text: string) => Promise<void> | void;

/** @throws {KeyError} where there is no such restaurant, or it could not be shown: then there is none */
export async function createKey(
  database: Database,
  wanted: WantedKey,
  by: string,
  show: Show,
): Promise<NewSecret> {
  const { expiresInMs, ...given } = wanted;
  await checkRestaurants(database, given.restaurantIds);
  const id = newId();
  const { text, hash, lastFour } = makeApiKey(id);
  const expiresAt = expiresInMs === undefined ? null : new Date(Date.now() + expiresInMs);
  return database.$transaction(async (tx) => {
    await tx.apiKey.create({
      data: { ...given, id, secretHash: new Uint8Array(hash), lastFour, createdBy: by, expiresAt },
    });
    await showing(show, text, 'No key was made, because it');
    return { id, text, expiresAt };
  });
}

/** The last act of a transaction, which ends with it where it fails. */
async function showing(show: Show, text: string, undone: string): Promise<void> {
  try {
    await show(text);
  } catch (error) {
    throw new KeyError(`${undone} could not be shown: ${briefly(error)}.`);
  }
}

async function checkRestaurants(database: Database, ids: string[]): Promise<void> {
  const known = await database.restaurant.findMany({ where: { id: { in: ids } }, select: { id: true } });
  const missing = ids.filter((id) => !known.some((one) => one.id === id));
  if (missing.length > 0) throw new KeyError(`There is no restaurant ${missing.join(', ')}.`);
}

export interface Rotation {
  overlapMs: number;
  expiresInMs: number | undefined;
}

/**
 * Gives a key another secret. Its id, and so what is on record of it, stays. The secret before is good for the overlap yet;
 * one from before that ends now.
 * @throws {KeyError} where there is no such key, it is at its end, or the new secret could not be shown: then it is as before
 */
export async function rotateKey(
  database: Database,
  id: string,
  { overlapMs, expiresInMs }: Rotation,
  show: Show,
): Promise<NewSecret & { previousUntil: Date | null }> {
  const { text, hash, lastFour } = makeApiKey(id);
  return database.$transaction(async (tx) => {
    // Locked: of two rotations at once, the second would otherwise keep a secret as the one before that nobody has.
    await tx.$executeRaw`SELECT 1 FROM api_keys WHERE id = ${id}::uuid FOR UPDATE`;
    const key = await tx.apiKey.findUnique({ where: { id } });
    if (!key) throw new KeyError(`There is no key ${id}.`);
    const now = new Date();
    if (key.revokedAt) throw new KeyError(`The key ${id} was revoked; create another one.`);
    if (key.expiresAt && key.expiresAt <= now && expiresInMs === undefined)
      throw new KeyError(`The key ${id} has expired; say --expires for how long the new one is good.`);
    const expiresAt = expiresInMs === undefined ? key.expiresAt : new Date(now.getTime() + expiresInMs);
    // What had expired does not come back by a later end of its successor.
    const until = new Date(
      Math.min(now.getTime() + overlapMs, key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY),
    );
    const previousUntil = until > now ? until : null;
    await tx.apiKey.update({
      where: { id },
      data: {
        secretHash: new Uint8Array(hash),
        lastFour,
        previousHash: previousUntil ? key.secretHash : null,
        previousUntil,
        rotatedAt: now,
        expiresAt,
      },
    });
    await showing(show, text, `The key ${id} has the secret that it had, because the new one`);
    return { id, text, expiresAt, previousUntil };
  });
}

/** @returns whether it was in use until now @throws {KeyError} where there is no such key */
export async function revokeKey(database: Database, id: string): Promise<boolean> {
  const { count } = await database.apiKey.updateMany({
    where: { id, revokedAt: null },
    data: { revokedAt: new Date() },
  });
  if (count > 0) return true;
  if (!(await database.apiKey.findUnique({ where: { id }, select: { id: true } })))
    throw new KeyError(`There is no key ${id}.`);
  return false;
}

export type ListedKey = Awaited<ReturnType<typeof listKeys>>[number];

/** Keys without anything that is secret of them, oldest first; those at their end only where all are asked for. */
export async function listKeys(database: Database, all: boolean) {
  const now = new Date();
  return database.apiKey.findMany({
    omit: { secretHash: true, previousHash: true },
    where: all ? {} : { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
    orderBy: { id: 'asc' },
  });
}
