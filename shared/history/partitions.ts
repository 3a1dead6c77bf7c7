import type { Client } from 'pg';

/** The tables that are partitioned by event id, and so by time; a partition holds one UTC day. */
export const PARTITIONED = ['event_log', 'processed_events'] as const;
export type PartitionedTable = (typeof PARTITIONED)[number];

const DAY_MS = 86_400_000;
// Enough that a weekend without anybody's looking passes unnoticed.
const DAYS_AHEAD = 7;
// A partition is made or dropped under an exclusive lock on its table: better later than making others wait.
const LOCK_TIMEOUT = '3s';

/** The least UUIDv7 of a moment (RFC 9562, section 5.7): ids made from then on are not below it. */
export function firstIdOf(time: Date | number): string {
  const hex = Number(time).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

const startOfDay = (time: number) => Math.floor(time / DAY_MS) * DAY_MS;
const dateOf = (day: number) => new Date(day).toISOString().slice(0, 10);
const nameOf = (table: PartitionedTable, day: number) => `${table}_${dateOf(day).replaceAll('-', '')}`;

/** The days for which a table has partitions, oldest first, as milliseconds since the epoch. */
export async function partitionDays(client: Client, table: PartitionedTable): Promise<number[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass`,
    [table],
  );
  return rows
    .map(({ name }) => /_(\d{4})(\d{2})(\d{2})$/.exec(name))
    .filter((match) => match !== null)
    .map(([, year, month, day]) => Date.UTC(Number(year), Number(month) - 1, Number(day)))
    .sort((a, b) => a - b);
}

/**
 * Makes the partitions of today and the week to come, where they are missing.
 * @returns the names of those made; a day whose events are in the default partition already stays there
 */
export async function makePartitions(client: Client, now = Date.now()): Promise<string[]> {
  const made: string[] = [];
  for (const table of PARTITIONED) {
    const there = new Set(await partitionDays(client, table));
    for (let day = startOfDay(now); day <= startOfDay(now) + DAYS_AHEAD * DAY_MS; day += DAY_MS) {
      if (there.has(day)) continue;
      if (await alter(client, 'make_history_partition', table, day)) made.push(nameOf(table, day));
    }
  }
  return made;
}

/**
 * Drops the partitions whose whole day is older than the retention.
 * @returns the names of those dropped
 */
export async function dropPartitions(
  client: Client,
  retentionMs: Record<PartitionedTable, number>,
  now = Date.now(),
): Promise<string[]> {
  const dropped: string[] = [];
  for (const table of PARTITIONED) {
    for (const day of await partitionDays(client, table)) {
      if (day + DAY_MS > now - retentionMs[table]) continue;
      if (await alter(client, 'drop_history_partition', table, day)) dropped.push(nameOf(table, day));
    }
  }
  return dropped;
}

// A lock that was not to be had, a partition that another process has just made, and rows of that day
// in the default partition: none of them is an error, the first two pass by themselves.
const PASSING = new Set(['55P03', '42P07', '23514']);

/** By a function of the database's, so that who tends the history need not own its tables. */
async function alter(
  client: Client,
  how: 'make_history_partition' | 'drop_history_partition',
  table: PartitionedTable,
  day: number,
): Promise<boolean> {
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query(`SELECT ${how}($1, $2::date)`, [table, dateOf(day)]);
    await client.query('COMMIT');
    return true;
  } catch (error) {
    await client.query('ROLLBACK');
    if (PASSING.has((error as { code?: string }).code ?? '')) return false;
    throw error;
  }
}
