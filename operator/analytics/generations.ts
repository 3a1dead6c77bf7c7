import type { Client } from 'pg';
import { UserError } from '../../scripts/servers/search';

/** Any two numbers that nobody else uses in this database; these spell "mesh" and "anal". */
const LOCK = [0x6d657368, 0x616e616c];
const TABLES = ['orders', 'sales', 'item_sales', 'lead_times', 'open_orders', 'stock_alerts'];
const DELETE_BATCH = 10_000;

/** A generation that is being built. */
export interface Begun {
  id: number;
  /** When every handler had begun to count in it, by the database's clock. */
  at: string;
}

/** @throws {UserError} while another process is at it; the lock ends with the session */
export async function holdAlone(client: Client): Promise<void> {
  const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS mine', LOCK);
  if (!rows[0]?.mine) throw new UserError('Another rebuild is running.');
}

/**
 * Changes the generations while nobody counts: each handler's transaction holds a lock on the table from when it
 * has looked there to its end. Those before have committed by then; those after see what is changed.
 */
async function change<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    await client.query('LOCK TABLE analytics_generations IN ACCESS EXCLUSIVE MODE');
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}

/** Has all new events counted in another generation, too. */
export const begin = (client: Client): Promise<Begun> =>
  change(client, async () => {
    const { rows } = await client.query<Begun>(
      `INSERT INTO analytics_generations (id, state) SELECT max(id) + 1, 'BUILDING' FROM analytics_generations
       RETURNING id, to_char(clock_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
    );
    return rows[0]!;
  });

/** Shows a generation from now on, and the one before no more. */
export const goLive = (client: Client, id: number, completeSince: Date): Promise<void> =>
  change(client, async () => {
    await client.query(`UPDATE analytics_generations SET state = 'RETIRED' WHERE state = 'LIVE'`);
    await client.query(`UPDATE analytics_generations SET state = 'LIVE', complete_since = $2 WHERE id = $1`, [
      id,
      completeSince,
    ]);
  });

/** Deletes what is not shown: of a rebuild that was interrupted, and of before the last one. @returns how many generations */
export async function deleteOthers(client: Client): Promise<number> {
  const others = await change(client, async () => {
    const { rows } = await client.query<{ id: number }>(
      `UPDATE analytics_generations SET state = 'RETIRED' WHERE state <> 'LIVE' RETURNING id`,
    );
    return rows;
  });
  for (const { id } of others) {
    for (const table of TABLES) await deleteRows(client, `analytics_${table}`, id);
    await client.query('DELETE FROM analytics_generations WHERE id = $1', [id]);
  }
  return others.length;
}

/** In batches, so that no transaction is long. */
async function deleteRows(client: Client, table: string, generation: number): Promise<void> {
  const text = `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE generation = $1 LIMIT ${DELETE_BATCH}))`;
  for (let deleted = DELETE_BATCH; deleted === DELETE_BATCH;)
    deleted = (await client.query(text, [generation])).rowCount ?? 0;
}
