import { Prisma } from '../service/database';

/**
 * How a relay that sleeps hears of new events.
 *
 * A relay that has found nothing for a moment takes this advisory lock for itself, reads once more, and sleeps. Whoever
 * writes to the outbox tries to share the lock until the end of the transaction:
 * - It gets it: the relay is awake, and cannot fall asleep before this transaction has ended. Nobody is told.
 * - It does not: the relay sleeps, and the commit notifies it.
 *
 * So no event is overlooked, however long its transaction takes and whether or not others roll back, and no clock
 * decides anything. In traffic the relay is awake, and nothing is notified: a commit with NOTIFY takes a lock of the
 * whole server. Nobody ever waits for this lock. It goes with the relay's session, so a relay that is gone is not woken.
 *
 * Any two numbers that nobody else uses in this database; these spell "mesh" and "slep".
 */
export const RELAY_SLEEPS = [0x6d657368, 0x736c6570] as const;

export const OUTBOX_CHANNEL = 'ordermesh_outbox';

/** A query of one row: the commit of its transaction wakes the relay, should it be asleep. Volatile: executed once. */
export const wakeRelay = Prisma.raw(`
  SELECT CASE WHEN NOT pg_try_advisory_xact_lock_shared(${RELAY_SLEEPS.join(', ')})
    THEN pg_notify('${OUTBOX_CHANNEL}', '') END AS woken`);
