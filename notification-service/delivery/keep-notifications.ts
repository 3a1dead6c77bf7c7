import { firstIdOf } from '../../shared/history/partitions';
import { briefly } from '../../shared/messaging/failure';
import type { Database } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';
import { pause } from '../../shared/service/pause';
import type { Stop } from '../../shared/service/run-service';
import { alwaysWell, type DeliveryHealth } from './delivery-health';

const EVERY_MS = 60 * 60_000;
const AFTER_FAILURE_MS = 60_000;
const BATCH = 5_000;

/** Deletes old notifications that are settled, every hour. Several instances share the work. */
export function keepNotifications(
  database: Database,
  retentionMs: number,
  log: Logger,
  { during }: DeliveryHealth = alwaysWell,
): Stop {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      let next = EVERY_MS;
      try {
        // By the database's clock: one that is far ahead would have all of it deleted.
        const [clock] = await database.$queryRaw<{ now: Date }[]>`SELECT now() AS now`;
        const before = clock!.now.getTime() - retentionMs;
        await during(
          'the deletion of old notifications',
          () => deleteOld(database, before, stopping.signal),
          EVERY_MS,
        );
      } catch (error) {
        log.warn({ error: briefly(error) }, 'could not delete old notifications');
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

/** Those that wait stay, however old. In batches, so that no transaction is long. */
export async function deleteOld(database: Database, before: number, stopping?: AbortSignal): Promise<void> {
  const id = firstIdOf(before);
  const inBatches = async (deleteSome: () => Promise<number>) => {
    for (let deleted = BATCH; deleted === BATCH && !stopping?.aborted;) deleted = await deleteSome();
  };
  await inBatches(
    () => database.$executeRaw`
      DELETE FROM notifications WHERE id = ANY (ARRAY(
        SELECT id FROM notifications n WHERE id < ${id}::uuid AND status <> 'PENDING'
          AND NOT EXISTS (SELECT FROM notification_batches b WHERE b.id = n.batch_id AND b.delivered_at IS NULL)
          AND NOT EXISTS (SELECT FROM notifications g WHERE g.id = n.gathered_into AND g.status = 'PENDING')
        ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))`,
  );
  await inBatches(
    () => database.$executeRaw`
      DELETE FROM notification_batches WHERE id = ANY (ARRAY(
        SELECT id FROM notification_batches WHERE id < ${id}::uuid AND delivered_at IS NOT NULL
        ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))`,
  );
  await inBatches(
    () => database.$executeRaw`
      DELETE FROM notification_attempts WHERE id = ANY (ARRAY(
        SELECT id FROM notification_attempts WHERE attempted_at < ${new Date(before)} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))`,
  );
}
