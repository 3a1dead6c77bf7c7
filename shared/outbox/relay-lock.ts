import { Prisma, type Tx } from '../service/database';

/**
 * The advisory lock of the relay that owns the outbox. Any two numbers that nobody else uses in this database; these
 * spell "mesh" and "rely".
 */
export const RELAY_LOCK = [0x6d657368, 0x72656c79];

/** Of `pg_locks l` the row of the session that holds it. */
export const HOLDS_RELAY_LOCK = `l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
  AND l.classid = ${RELAY_LOCK[0]}::bigint::oid AND l.objid = ${RELAY_LOCK[1]}::bigint::oid
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Whether some relay owns the outbox; one that has lost RabbitMQ does not. */
export async function someRelayOwns(tx: Tx): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ owned: boolean }[]>`
    SELECT EXISTS (SELECT FROM pg_locks l WHERE ${Prisma.raw(HOLDS_RELAY_LOCK)}) AS owned`;
  return row?.owned === true;
}
