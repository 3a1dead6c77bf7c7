import { isMissing, isPassing } from '../../shared/messaging/failure';
import type { Database } from '../../shared/service/database';
import { groupCommit } from '../orders/group-commit';
import type { Role } from './caller';
import { cannotTell } from './problems';
import { ShortMemory } from './short-memory';

/** An API key as it is kept. */
export interface KeyRow {
  id: string;
  role: Role;
  restaurant_ids: string[];
  customer_id: string | null;
  read_only: boolean;
  secret_hash: Uint8Array;
  /** Of the secret before the last rotation, and until when it is good. */
  previous_hash: Uint8Array | null;
  previous_until: Date | null;
  expires_at: Date | null;
  revoked_at: Date | null;
}

/** So long after it was revoked, a key may still be taken for good. */
export const KEY_MEMORY_MS = 5_000;
const MOST_KNOWN = 10_000;
/** Apart, so that a flood of invented keys pushes out no real one. */
const MOST_UNKNOWN = 1_000;

/**
 * A look-up of keys by id. What was read is remembered for {@link KEY_MEMORY_MS}, and those that are asked for at the same time are
 * read together: invented keys cost one query at a time, however many there are.
 * @returns undefined where there is no such key; rejects with a Problem (503) where that cannot be found out
 */
export function findKeys(database: Database): (id: string) => Promise<KeyRow | undefined> {
  const known = new ShortMemory<KeyRow>(KEY_MEMORY_MS, MOST_KNOWN);
  const unknown = new ShortMemory<true>(KEY_MEMORY_MS, MOST_UNKNOWN);
  const unavailable = () => cannotTell('API keys cannot be checked: the database does not answer.');

  const read = groupCommit<string, KeyRow | undefined>({
    lanes: 1,
    largest: 200,
    patienceMs: 8_000,
    tooLate: unavailable,
    commit: async (ids) => {
      const since = performance.now();
      const rows = await database.$queryRaw<KeyRow[]>`
        SELECT id, role, restaurant_ids, customer_id, read_only, secret_hash, previous_hash, previous_until, expires_at, revoked_at
        FROM api_keys WHERE id = ANY(${[...new Set(ids)]}::uuid[])`;
      const byId = new Map(rows.map((row) => [row.id, row]));
      for (const id of ids) {
        const row = byId.get(id);
        if (row) known.set(id, row, since);
        else unknown.set(id, true, since);
      }
      return ids.map((id) => byId.get(id));
    },
  });

  return async (id) => {
    const row = known.get(id);
    if (row || unknown.get(id)) return row;
    try {
      return await read(id);
    } catch (error) {
      // Known by no means: nobody is turned away for that as if their key were bad.
      throw isPassing(error) || isMissing(error) ? unavailable() : error;
    }
  };
}
