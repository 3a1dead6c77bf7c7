import { Prisma, type Database, type Tx } from '../../shared/service/database';
import { pause } from '../../shared/service/pause';
import type { Problem } from '../http/problem';
import type { Answer } from '../http/answer';
import { isKeyInUse, keyInUse, keyReused, type IdempotencyKey } from './key';

/** How long a key is remembered. */
export const KEPT_FOR = '24 hours';

export const REPLAYED = { 'Idempotent-Replayed': 'true' };

/** The advisory lock of a key, as text: whoever does a request holds it until the end of its transaction. */
const lockOf = ({ hash }: IdempotencyKey): string =>
  String(BigInt.asIntN(64, BigInt(`0x${hash.replaceAll('-', '').slice(0, 16)}`)));

/** A key, and what is answered under it from now on. */
export interface KeyedAnswer {
  key: IdempotencyKey;
  answer: Answer;
}

/**
 * The INSERT that takes keys, as a part of a statement's WITH: those that it returns as `key` were free. One that
 * another transaction is taking is left to it, and not waited for: whoever waits would hold up its neighbours.
 */
export const takeKeys = (rows: readonly KeyedAnswer[]): Prisma.Sql => Prisma.sql`
  INSERT INTO idempotency_keys AS k (key_hash, request_hash, answer, expires_at)
  SELECT key, request, answer, now() + ${KEPT_FOR}::interval
  FROM json_to_recordset(${JSON.stringify(
    rows.map(({ key, answer }) => ({ key: key.hash, request: key.request, answer, lock: lockOf(key) })),
  )}::json) AS r (key uuid, request uuid, answer json, lock text)
  WHERE pg_try_advisory_xact_lock(lock::bigint)
  ON CONFLICT (key_hash) DO UPDATE
    SET request_hash = excluded.request_hash, answer = excluded.answer, expires_at = excluded.expires_at
    WHERE k.expires_at < now()
  RETURNING key_hash AS key`;

interface KeptRow {
  key: string;
  request: string;
  answer: Answer;
}

/**
 * What was answered under keys before.
 * @returns by the key's hash; of a key that was used for another request, the 422 that says so
 */
export async function keptAnswers(
  database: Tx,
  keys: readonly IdempotencyKey[],
): Promise<(key: IdempotencyKey) => Answer | Problem | undefined> {
  const hashes = [...new Set(keys.map(({ hash }) => hash))];
  const rows = await database.$queryRaw<KeptRow[]>`
    SELECT key_hash AS key, request_hash AS request, answer FROM idempotency_keys
    WHERE key_hash = ANY(${hashes}::uuid[]) AND expires_at >= now()`;
  const kept = new Map(rows.map((row) => [row.key, row]));
  return (key) => {
    const row = kept.get(key.hash);
    if (!row) return undefined;
    return row.request === key.request ? replayed(row.answer) : keyReused();
  };
}

const replayed = (answer: Answer): Answer => ({ ...answer, headers: { ...answer.headers, ...REPLAYED } });

const WAIT_MS = 3_000;
const LOOK_EVERY_MS = 100;

/**
 * Does a request under its key: once, in one transaction with the key. Asked again, it gives the same answer; asked
 * while the first is at it, it waits a little. What fails is rolled back with the key, and can be tried again.
 * @param work the request, in the transaction that it is given as its database
 * @throws {Problem} 409 while the first is at it for longer, 422 where the key was used for something else
 */
export async function once(
  database: Database,
  key: IdempotencyKey,
  work: (database: Database) => Promise<Answer>,
): Promise<Answer> {
  return whileInUse(async () => {
    const answer = await database.$transaction(async (tx) => {
      // One round trip, and the look comes after the lock: a statement sees nothing that is committed after it begins.
      const [held] = await tx.$queryRaw<{ locked: boolean }[]>`
        SELECT pg_try_advisory_xact_lock(${lockOf(key)}::bigint) AS locked`;
      if (!held?.locked) return undefined;
      const kept = (await keptAnswers(tx, [key]))(key);
      if (kept instanceof Error) throw kept;
      if (kept) return kept;
      const fresh = await work(inTransaction(tx));
      const taken = await tx.$queryRaw<unknown[]>`${takeKeys([{ key, answer: fresh }])}`;
      if (taken.length === 0) throw keyInUse(); // cannot happen under the lock; nothing is done then
      return fresh;
    });
    if (!answer) throw keyInUse();
    return answer;
  });
}

/**
 * Does it again for as long as somebody else is at the same request, for a little while.
 * @throws {Problem} 409 when the while is over
 */
export async function whileInUse<T>(work: () => Promise<T>): Promise<T> {
  for (const until = performance.now() + WAIT_MS; ; await pause(LOOK_EVERY_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!isKeyInUse(error) || performance.now() > until) throw error;
    }
  }
}

/** A transaction as the database of somebody who would begin one: it is a part of this one. */
const inTransaction = (tx: Tx): Database =>
  new Proxy(tx, {
    get: (target, name) =>
      name === '$transaction'
        ? (inner: (tx: Tx) => Promise<unknown>) => inner(tx)
        : (Reflect.get(target, name) as unknown),
  }) as Database;
