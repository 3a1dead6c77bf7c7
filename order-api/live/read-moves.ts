import { z } from 'zod';
import {
  actors,
  cancelReasons,
  orderStatuses,
  type OrderStatus,
} from '../../shared/lifecycle/order-lifecycle';
import type { Database } from '../../shared/service/database';
import { openEnum, timestamp, uuid } from '../http/fields';
import { version } from '../orders/fields';
import type { Look, Writer } from './settled-position';

/** What is told of a change: the same as in an order's `history`, but for who did it. */
export const moveAnswer = z
  .object({
    order_id: uuid,
    version,
    from: z.enum(orderStatuses).nullable().meta({ description: 'null: the order is new' }),
    to: z.enum(orderStatuses).meta({ description: 'As `from` where the lines of a DRAFT were replaced' }),
    actor: openEnum(actors),
    reason: openEnum(cancelReasons, 'Of a cancellation: ').nullable(),
    note: z.string().nullable(),
    at: timestamp,
  })
  .meta({ id: 'OrderMove' });

/** A row of the history. */
export interface Move {
  /** Its position in the whole history. */
  id: number;
  restaurantId: string;
  told: z.output<typeof moveAnswer>;
}

interface MoveRow {
  id: bigint;
  restaurant_id: string;
  order_id: string;
  version: number;
  from_status: OrderStatus | null;
  to_status: OrderStatus;
  actor: string;
  reason: string | null;
  note: string | null;
  moved_at: Date;
}

const toMove = (row: MoveRow): Move => ({
  id: Number(row.id),
  restaurantId: row.restaurant_id,
  told: {
    order_id: row.order_id,
    version: row.version,
    from: row.from_status,
    to: row.to_status,
    actor: row.actor,
    reason: row.reason,
    note: row.note,
    at: row.moved_at.toISOString(),
  },
});

/** Looks at the end of the history: one statement, whose snapshot is older than what it sees of the locks. */
export async function lookAtHistory(database: Database): Promise<Look> {
  const [row] = await database.$queryRaw<{ newest: bigint | null; writers: Writer[] | null }[]>`
    SELECT (SELECT id FROM order_status_history ORDER BY id DESC LIMIT 1) AS newest,
      (SELECT json_agg(json_build_object('transaction', virtualtransaction, 'pid', pid)) FROM pg_locks
       WHERE locktype = 'relation' AND relation = 'order_status_history'::regclass AND mode = 'RowExclusiveLock' AND granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS writers`;
  return { newest: Number(row?.newest ?? 0), writers: row?.writers ?? [] };
}

/** Which orders changed between two positions: `after` excluded, `upTo` included; the first `most` of them. */
export async function changesBetween(database: Database, after: number, upTo: number, most: number) {
  const rows = await database.$queryRaw<
    { id: bigint; order_id: string; restaurant_id: string | null; version: number }[]
  >`
    SELECT id, order_id, restaurant_id, version FROM order_status_history
    WHERE id > ${after}::bigint AND id <= ${upTo}::bigint ORDER BY id LIMIT ${most}::int`;
  return rows.map((row) => ({ ...row, id: Number(row.id) }));
}

/** Where somebody goes on from: of an order after a version, of a restaurant after an id of the history. */
export interface Place {
  key: string;
  position: number;
}

/** The next moves of orders, of each `most` at most, by version. */
export async function movesOfOrders(
  database: Database,
  places: readonly Place[],
  most: number,
): Promise<Move[]> {
  const rows = await database.$queryRaw<MoveRow[]>`
    SELECT h.* FROM unnest(${keysOf(places)}::uuid[], ${positionsOf(places)}::bigint[]) AS place (order_id, version)
    CROSS JOIN LATERAL (
      SELECT id, restaurant_id, order_id, version, from_status, to_status, actor, reason, note, moved_at
      FROM order_status_history WHERE order_id = place.order_id AND version > place.version ORDER BY version LIMIT ${most}::int
    ) AS h`;
  return rows.map(toMove);
}

/** The next moves of restaurants' orders up to a position, of each `most` at most, by id. */
export async function movesOfRestaurants(
  database: Database,
  places: readonly Place[],
  upTo: number,
  most: number,
): Promise<Move[]> {
  const rows = await database.$queryRaw<MoveRow[]>`
    SELECT h.* FROM unnest(${keysOf(places)}::uuid[], ${positionsOf(places)}::bigint[]) AS place (restaurant_id, id)
    CROSS JOIN LATERAL (
      SELECT id, restaurant_id, order_id, version, from_status, to_status, actor, reason, note, moved_at
      FROM order_status_history
      WHERE restaurant_id = place.restaurant_id AND id > place.id AND id <= ${upTo}::bigint ORDER BY id LIMIT ${most}::int
    ) AS h`;
  return rows.map(toMove);
}

const keysOf = (places: readonly Place[]) => places.map(({ key }) => key);
const positionsOf = (places: readonly Place[]) => places.map(({ position }) => position);

/** The ids of a restaurant's newest moves after a position, newest first, `most` at most. */
export async function newestMovesOf(
  database: Database,
  restaurantId: string,
  after: number,
  most: number,
): Promise<number[]> {
  const rows = await database.$queryRaw<{ id: bigint }[]>`
    SELECT id FROM order_status_history WHERE restaurant_id = ${restaurantId}::uuid AND id > ${after}::bigint
    ORDER BY id DESC LIMIT ${most}::int`;
  return rows.map(({ id }) => Number(id));
}
