import type { Tx } from './database';
import type { Pause } from './pauses';

/** What is paused now, the oldest first. */
export const readPauses = (database: Pick<Tx, '$queryRaw'>): Promise<Pause[]> =>
  database.$queryRaw<Pause[]>`
    SELECT part, paused_by AS by, why, paused_at AS since FROM pauses WHERE resumed_at IS NULL ORDER BY id`;
