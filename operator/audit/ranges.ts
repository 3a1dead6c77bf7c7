import { Prisma } from '../../shared/service/database';
import type { Pass, Range } from './check';
import type { Snapshot } from './snapshot';

export const LEAST_ID = '00000000-0000-0000-0000-000000000000';
const GREATEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * Cuts all ids above `after` into ranges with about `size` rows of the walked table in each. The ranges
 * leave no gap: what only another table knows falls into one of them as well.
 */
export async function* rangesOf(
  snapshot: Snapshot,
  walk: Pass['walk'],
  size: number,
  after = LEAST_ID,
): AsyncGenerator<Range> {
  for (let from = after; from !== GREATEST_ID;) {
    const upTo = walk ? await nextBound(snapshot, walk, size, from) : GREATEST_ID;
    yield { after: from, upTo };
    from = upTo;
  }
}

/** The id of the last row of the next `size`; the greatest there can be when fewer are left. */
async function nextBound(
  snapshot: Snapshot,
  walk: NonNullable<Pass['walk']>,
  size: number,
  after: string,
): Promise<string> {
  const [table, column] = [Prisma.raw(walk.table), Prisma.raw(walk.column)];
  const [row] = await snapshot.query<{ id: string }>(Prisma.sql`
    SELECT ${column}::text AS id FROM ${table} WHERE ${column} > ${after}::uuid
    ORDER BY ${column} OFFSET ${size - 1}::int LIMIT 1`);
  return row?.id ?? GREATEST_ID;
}
