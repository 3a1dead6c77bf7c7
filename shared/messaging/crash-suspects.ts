import type { Database } from '../service/database';

/** A message that was begun so often without its process living to tell is given up. */
export const MAX_CRASHES = 3;

/**
 * Notes that a redelivered event is begun, alone, before it is touched.
 * @returns how often it had been begun before, with its process dying each time
 */
export async function beginSuspect(database: Database, consumer: string, eventId: string): Promise<number> {
  const [row] = await database.$queryRaw<{ starts: number }[]>`
    INSERT INTO crash_suspects (consumer, event_id) VALUES (${consumer}, ${eventId}::uuid)
    ON CONFLICT (consumer, event_id) DO UPDATE SET starts = crash_suspects.starts + 1, last_started_at = now()
    RETURNING starts`;
  return (row?.starts ?? 1) - 1;
}

/** The process has lived through it, however it ended: it is not what kills. */
export async function clearSuspect(database: Database, consumer: string, eventId: string): Promise<void> {
  await database.$executeRaw`
    DELETE FROM crash_suspects WHERE consumer = ${consumer} AND event_id = ${eventId}::uuid`;
}
