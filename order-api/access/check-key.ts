import { timingSafeEqual } from 'node:crypto';
import type { Database } from '../../shared/service/database';
import { readApiKey } from './api-key';
import type { Caller } from './caller';
import { findKeys, type KeyRow } from './find-keys';
import { notAuthenticated } from './problems';

/** Compared with where there is no key, so that one that is not known takes as long as one that is. */
const NOBODY = new Uint8Array(32);

/** A check of API keys. @returns who a key stands for; rejects with a Problem: 401, or 503 where it cannot be told */
export function checkKeys(database: Database): (text: string) => Promise<Caller> {
  const find = findKeys(database);
  return async (text) => {
    const key = readApiKey(text);
    if (!key) throw notAuthenticated('This is no API key: it is not whole, or mistyped.');
    const row = await find(key.id);
    const now = new Date();
    const isCurrent = timingSafeEqual(row?.secret_hash ?? NOBODY, key.hash);
    const isPrevious = timingSafeEqual(row?.previous_hash ?? NOBODY, key.hash);
    if (!row || !(isCurrent || isPrevious)) throw notAuthenticated('The API key is not known.');
    if (row.revoked_at) throw notAuthenticated('The API key was revoked.');
    if (isPrevious && !(row.previous_until && row.previous_until > now))
      throw notAuthenticated('The API key was replaced by another one.');
    if (row.expires_at && row.expires_at <= now) throw notAuthenticated('The API key has expired.');
    return callerOf(row);
  };
}

function callerOf({ id, role, read_only, restaurant_ids, customer_id }: KeyRow): Caller {
  const shown = { id: `key:${id}`, readOnly: read_only };
  switch (role) {
    case 'customer':
      return { ...shown, role, customerId: customer_id ?? '' };
    case 'staff':
      return { ...shown, role, restaurants: restaurant_ids };
    case 'admin':
      return { ...shown, role };
    default:
      // Of a newer version: what it may, this one cannot know.
      throw notAuthenticated('The API key has a role that is not known here.');
  }
}
