import { dropPartitions, makePartitions } from '../shared/history/partitions';
import { briefly } from '../shared/messaging/failure';
import type { Logger } from '../shared/service/logger';
import type { Client } from 'pg';
import { PostgresClient } from '../shared/service/postgres-client';
import { sessionConfig } from '../shared/service/session-settings';
import { pause } from '../shared/service/pause';
import type { WorkWatch } from '../shared/service/watch-work';

export interface Retention {
  eventLogMs: number;
  processedEventsMs: number;
}

const EVERY_MS = 60 * 60_000;
const AFTER_FAILURE_MS = 60_000;
/** A day of history is dropped within seconds; rows are deleted in batches. */
const LONGEST_MS = 15 * 60_000;
const DELETE_BATCH = 10_000;
// Any two numbers that nobody else uses in this database; these spell "mesh" and "hist".
const LOCK = [0x6d657368, 0x68697374];

/** Makes the partitions of the days to come and drops those past their retention, every hour. */
export function keepHistory(
  databaseUrl: string,
  retention: Retention,
  log: Logger,
  during: WorkWatch['during'] = (_name, work) => work(),
): () => Promise<void> {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      let next = EVERY_MS;
      try {
        const { made, dropped } = await during(
          'the keeping of the history',
          () => tidyUp(databaseUrl, retention),
          LONGEST_MS,
        );
        if (made.length + dropped.length > 0) log.info({ made, dropped }, 'partitions of the history');
      } catch (error) {
        log.warn({ error: briefly(error) }, 'could not maintain the partitions');
        next = AFTER_FAILURE_MS;
      }
      await pause(next, stopping.signal);
    }
  })();
  return async () => {
    stopping.abort();
    await running;
  };
}

/** Does it once; of several relays that try at the same time, one does. */
export async function tidyUp(
  databaseUrl: string,
  { eventLogMs, processedEventsMs }: Retention,
  now = Date.now(),
): Promise<{ made: string[]; dropped: string[] }> {
  const client = new PostgresClient(
    sessionConfig(databaseUrl, {
      kind: 'upkeep',
      applicationName: 'outbox-publisher history',
      connectTimeoutMs: 5_000,
    }),
  );
  client.on('error', () => undefined); // the query in progress rejects with it
  await client.connect();
  try {
    const { rows } = await client.query<{ mine: boolean }>(
      'SELECT pg_try_advisory_lock($1, $2) AS mine',
      LOCK,
    );
    if (!rows[0]?.mine) return { made: [], dropped: [] };
    const made = await makePartitions(client, now);
    const dropped = await dropPartitions(
      client,
      { event_log: eventLogMs, processed_events: processedEventsMs },
      now,
    );
    await deleteOld(client, 'event_log_default', 'published_at', now - eventLogMs);
    await deleteOld(client, 'processed_events_default', 'processed_at', now - processedEventsMs);
    await deleteOld(client, 'delivery_failures', 'failed_at', now - processedEventsMs);
    await deleteOld(client, 'crash_suspects', 'last_started_at', now - processedEventsMs);
    return { made, dropped };
  } finally {
    await client.end();
  }
}

/** In batches, so that no transaction is long. */
async function deleteOld(client: Client, table: string, column: string, before: number): Promise<void> {
  const text = `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${column} < $1 LIMIT ${DELETE_BATCH}))`;
  for (let deleted = DELETE_BATCH; deleted === DELETE_BATCH;) {
    deleted = (await client.query(text, [new Date(before)])).rowCount ?? 0;
  }
}
