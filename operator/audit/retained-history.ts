import type { Client } from 'pg';
import { firstIdOf, partitionDays, type PartitionedTable } from '../../shared/history/partitions';
import { LEAST_ID } from './ranges';

const DAY_MS = 86_400_000;

/**
 * The first id from which on a table is sure to be complete: retention drops the oldest partitions, so it
 * is where the oldest that is left begins. A table without partitions has lost nothing yet. One whose
 * partitions all lie ahead has today in its default partition, from which only old rows are deleted.
 */
export async function completeFrom(client: Client, table: PartitionedTable): Promise<string> {
  const [oldest] = await partitionDays(client, table);
  if (oldest === undefined) return LEAST_ID;
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  return firstIdOf(Math.min(oldest, today));
}
