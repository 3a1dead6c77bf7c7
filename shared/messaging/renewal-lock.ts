import type { Client } from 'pg';
import { bare, Prisma, type Database } from '../service/database';

// The set-up step holds an advisory lock while it declares a service's work queue anew. Nobody else takes it: consumers
// look whether it is held, and let go of the queue meanwhile. It ends with the session of whoever holds it.

const LOCK_CLASS = 0x72656e77; // "renw"

/** Does the work while the instances of a consumer keep away from their queue, those that have noticed. */
export async function whileRenewing<T>(client: Client, consumer: string, work: () => Promise<T>): Promise<T> {
  await client.query('SELECT pg_advisory_lock($1, hashtext($2))', [LOCK_CLASS, consumer]);
  try {
    return await work();
  } finally {
    await client.query('SELECT pg_advisory_unlock($1, hashtext($2))', [LOCK_CLASS, consumer]);
  }
}

/** Whether the work queue of a consumer is being declared anew just now. */
export async function isBeingRenewed(database: Database, consumer: string): Promise<boolean> {
  const [row] = await bare(database).$queryRaw<{ held: boolean }[]>(Prisma.sql`
    SELECT EXISTS (
      SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = ${LOCK_CLASS}::bigint::oid
        AND objid = (hashtext(${consumer})::bigint & 4294967295)::oid
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS held`);
  return row?.held ?? false;
}
