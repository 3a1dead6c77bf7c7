import { PARTITIONED } from '../shared/history/partitions';
import { LEASE_SECONDS } from '../shared/messaging/progress';
import { readGauge, SHORT_REST, type Reading } from '../shared/service/metrics';

/** How far ahead it is looked for partitions: further than any are made. */
const DAYS = 31;

/**
 * How the consumers, the history and PostgreSQL itself are, as far as every role may see it.
 * @param read has a query answered: its `value`, labelled by its other columns
 */
export function readDatabaseGauges(read: (sql: string) => () => Promise<Reading>): void {
  const gauge = (name: string, help: string, labels: string[], sql: string, rest?: number) =>
    readGauge(name, help, labels, read(sql), { rest });

  gauge(
    'ordermesh_consumer_behind_seconds',
    'Since when the slowest live instance of the consumer has not handled all that was published',
    ['consumer'],
    // One that has not found out yet how far it has come has none.
    `SELECT consumer, extract(epoch FROM clock_timestamp() - min(caught_up_at)) AS value FROM consumer_progress
     WHERE updated_at > now() - interval '${LEASE_SECONDS} seconds' AND caught_up_at > 'epoch' GROUP BY consumer`,
    SHORT_REST,
  );
  gauge(
    'ordermesh_bindings_recorded',
    'Bindings that the events exchange should have, by the record of subscriptions',
    [],
    'SELECT count(*) AS value FROM subscriptions WHERE until IS NULL',
    SHORT_REST,
  );
  gauge(
    'ordermesh_history_days_ahead',
    'For so many days after today, one after the other, the history has a partition',
    ['table'],
    `SELECT name AS "table", coalesce(min(day), ${DAYS + 1}) - 1 AS value
     FROM unnest(ARRAY[${PARTITIONED.map((table) => `'${table}'`).join(', ')}]) AS t (name)
     LEFT JOIN generate_series(1, ${DAYS}) AS day ON NOT EXISTS (
       SELECT FROM pg_inherits WHERE inhparent = to_regclass(name) AND inhrelid
         = to_regclass(name || '_' || to_char(now() + day * interval '1 day', 'YYYYMMDD')))
     GROUP BY name`,
    SHORT_REST,
  );
  for (const kind of ['dead', 'live'])
    gauge(
      `ordermesh_table_${kind}_tuples`,
      `Rows of the table that are ${kind}, as PostgreSQL estimates it; a table's partitions together`,
      ['table'],
      `SELECT coalesce(p.relname, s.relname) AS "table", sum(s.n_${kind}_tup) AS value
       FROM pg_stat_user_tables s LEFT JOIN pg_inherits i ON i.inhrelid = s.relid LEFT JOIN pg_class p ON p.oid = i.inhparent
       WHERE s.schemaname = current_schema() GROUP BY 1`,
    );
  gauge(
    'ordermesh_database_connections',
    'Sessions with the database, of everybody',
    [],
    'SELECT numbackends AS value FROM pg_stat_database WHERE datname = current_database()',
  );
  gauge(
    'ordermesh_database_connections_max',
    'Sessions that the server takes, with all of its databases',
    [],
    `SELECT current_setting('max_connections')::int AS value`,
  );
  gauge(
    'ordermesh_database_size_bytes',
    'What the database takes on disk',
    [],
    'SELECT pg_database_size(current_database()) AS value',
  );
  gauge(
    'ordermesh_database_activity',
    'What the database has counted since its statistics were reset: transactions, deadlocks, blocks and rows',
    ['kind'],
    `SELECT kind, value FROM pg_stat_database, LATERAL (VALUES ('commits', xact_commit), ('rollbacks', xact_rollback),
       ('deadlocks', deadlocks), ('blocks_read', blks_read), ('blocks_found', blks_hit), ('rows_written',
       tup_inserted + tup_updated + tup_deleted), ('temporary_bytes', temp_bytes)) AS counted (kind, value)
     WHERE datname = current_database()`,
  );
}
