import { announce, type Announcement, type Origin } from '../events/announce';
import { paymentMethod, type PaymentMethod } from '../events/contracts';
import type { Growing } from '../events/growing';
import { groupBy } from '../group-by';
import { amountAsNumber, formatPrice } from '../money';
import { Prisma, type Tx } from '../service/database';
import { write } from '../service/transaction';
import { observeStage } from './order-metrics';
import { allowedMoves, decideMove, type Actor, type CancelReason, type OrderStatus } from './order-lifecycle';

/** A wish to move an order. */
export type MoveRequest = {
  orderId: string;
  actor: Actor;
  /** Which of them: `key:<id>` or `jwt:<subject>`, where they had to say who they are. Kept in the history, and announced to nobody. */
  by?: string | null;
  /** The chain it belongs to; its `causationid` is kept in the history. */
  origin: Origin;
  /** Set where the wish holds for this status alone: from any other the move is illegal. */
  onlyFrom?: OrderStatus;
  /** Told the order's version under its lock, before anything is decided; what it throws ends the transaction. */
  precondition?: (version: number) => void;
} & (
  | { to: Exclude<OrderStatus, 'CANCELLED'> }
  /** A reason of one's own, or one that an event gives. */
  | { to: 'CANCELLED'; reason: CancelReason | Growing<CancelReason>; note?: string | undefined }
);

export type MoveOutcome =
  /** Moved; what is to be announced of it (nothing for the end of a DRAFT). */
  | { kind: 'moved'; announcements: Announcement[]; version: number }
  | { kind: 'already'; status: OrderStatus; version: number }
  | { kind: 'illegal'; status: OrderStatus; allowed: OrderStatus[] }
  | { kind: 'unknown' };

interface OrderRow {
  id: string;
  restaurant_id: string;
  customer_id: string | null;
  reference: string | null;
  status: OrderStatus;
  version: number;
  currency: string;
  total_amount: Prisma.Decimal;
  /** Only handed on: one that a newer version has taken the order with hinders no move. */
  payment_method: Growing<PaymentMethod>;
  placed_at: Date | null;
}

interface Move {
  request: MoveRequest;
  order: OrderRow;
  from: OrderStatus;
  /** The order's version after it. */
  version: number;
}

/**
 * Moves orders along their life: the only code that changes an order's status. Locks the rows in id
 * order, decides each wish by the lifecycle table, compares and sets, and keeps one history row for
 * each move. Wishes for the same order are taken in the order given.
 * @param movedAt when it happens, for a caller that says the time elsewhere too; taken under the order's lock
 * @param locked the orders, where the caller has locked them with what it locked before
 * @returns one outcome for each request, in the same order; the caller writes the announcements to the outbox
 */
export async function moveOrders(
  tx: Tx,
  requests: readonly MoveRequest[],
  { movedAt, locked }: { movedAt?: Date; locked?: LockedOrders | undefined } = {},
): Promise<MoveOutcome[]> {
  const orders = locked ?? (await lockOrders(tx, [...new Set(requests.map((request) => request.orderId))]));
  const moves: Move[] = [];
  const outcomes = requests.map((request): MoveOutcome => {
    const order = orders.get(request.orderId);
    if (!order) return { kind: 'unknown' };
    request.precondition?.(order.version);
    const decision = decideMove(order.status, request.to, request.actor);
    if (decision.kind === 'already') return { kind: 'already', status: order.status, version: order.version };
    if (decision.kind === 'move' && request.onlyFrom && request.onlyFrom !== order.status)
      return { kind: 'illegal', status: order.status, allowed: allowedMoves(order.status, request.actor) };
    if (decision.kind === 'illegal')
      return { kind: 'illegal', status: order.status, allowed: decision.allowed };
    const version = order.version + 1;
    moves.push({ request, order, from: order.status, version });
    Object.assign(order, { status: request.to, version });
    return { kind: 'moved', announcements: [], version };
  });
  if (moves.length === 0) return outcomes;
  const changedAt = movedAt ?? new Date();
  await recordMoves(tx, moves, changedAt);
  const lines = await cancelledLines(tx, moves);
  await observeStages(tx, moves, changedAt);
  for (const move of moves) {
    const outcome = outcomes[requests.indexOf(move.request)];
    if (outcome?.kind === 'moved') outcome.announcements = announceMove(move, changedAt, lines);
  }
  return outcomes;
}

/** Orders whose rows are locked. */
export type LockedOrders = ReadonlyMap<string, OrderRow>;

export async function lockOrders(tx: Tx, ids: string[]): Promise<LockedOrders> {
  const rows = await tx.$queryRaw<(OrderRow & { payment_method: unknown })[]>`
    SELECT id, restaurant_id, customer_id, reference, status, version, currency, total_amount, payment_method, placed_at
    FROM orders WHERE id = ANY(${ids.sort()}::uuid[]) ORDER BY id FOR UPDATE`;
  return new Map(
    rows.map((row) => [row.id, { ...row, payment_method: paymentMethod.parse(row.payment_method) }]),
  );
}

/** Writes all moves in one round trip; moves of one order are applied in sequence, each from the last. */
async function recordMoves(tx: Tx, moves: readonly Move[], changedAt: Date): Promise<void> {
  const rows = moves.map(({ request, order, from, version }) => ({
    version,
    order_id: request.orderId,
    restaurant_id: order.restaurant_id,
    from_status: from,
    to_status: request.to,
    actor: request.actor,
    moved_by: request.by,
    reason: request.to === 'CANCELLED' ? request.reason : null,
    note: request.to === 'CANCELLED' ? request.note : null,
    caused_by: request.origin.causationid,
  }));
  const expected = new Set(moves.map((move) => move.order.id)).size;
  // That an order has changed under its lock cannot happen; if it ever does, the division fails, and with it everything.
  await write(
    tx,
    Prisma.sql`
    WITH moves AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS m (
        version int, order_id uuid, restaurant_id uuid, from_status text, to_status text, actor text, moved_by text, reason text,
        note text, caused_by uuid)
    ), history AS (
      INSERT INTO order_status_history (order_id, restaurant_id, version, from_status, to_status, actor, moved_by, reason, note,
        caused_by, moved_at)
      SELECT order_id, restaurant_id, version, from_status, to_status, actor, moved_by, reason, note, caused_by,
        ${changedAt}::timestamptz
      FROM moves ORDER BY order_id, version
    ), ends AS (
      SELECT order_id, max(version) AS version, (array_agg(from_status ORDER BY version))[1] AS from_status,
        (array_agg(to_status ORDER BY version DESC))[1] AS to_status,
        (array_agg(reason ORDER BY version DESC))[1] AS reason
      FROM moves GROUP BY order_id
    ), moved AS (UPDATE orders SET status = ends.to_status, version = ends.version, cancel_reason = ends.reason, updated_at = ${changedAt}::timestamptz,
      placed_at = CASE WHEN ends.to_status = 'PLACED' THEN ${changedAt}::timestamptz ELSE orders.placed_at END
    FROM ends WHERE orders.id = ends.order_id AND orders.status = ends.from_status RETURNING 1)
    SELECT 1 / (count(*) = ${expected})::int AS as_expected FROM moved`,
  );
}

type Line = {
  order_id: string;
  menu_item_id: string;
  sku: string | null;
  name: string;
  quantity: number;
  price: Prisma.Decimal;
};

async function cancelledLines(tx: Tx, moves: readonly Move[]): Promise<Map<string, Line[]>> {
  const ids = moves.filter((move) => move.request.to === 'CANCELLED').map((move) => move.order.id);
  if (ids.length === 0) return new Map();
  const lines = await tx.$queryRaw<Line[]>`
    SELECT order_id, menu_item_id, sku, name, quantity, price FROM order_lines
    WHERE order_id = ANY(${ids}::uuid[]) ORDER BY order_id, position`;
  return groupBy(lines, (line) => line.order_id);
}

async function observeStages(tx: Tx, moves: readonly Move[], changedAt: Date): Promise<void> {
  for (const { request, order } of moves)
    if (request.to === 'PREPARING') observeStage('placed_to_preparing', order.placed_at, changedAt);
  const delivered = moves.filter(({ request }) => request.to === 'DELIVERED').map(({ order }) => order.id);
  if (delivered.length === 0) return;
  const prepared = await tx.$queryRaw<{ moved_at: Date }[]>`
    SELECT min(moved_at) AS moved_at FROM order_status_history
    WHERE order_id = ANY(${delivered}::uuid[]) AND to_status = 'PREPARING' GROUP BY order_id`;
  for (const { moved_at } of prepared) observeStage('preparing_to_delivered', moved_at, changedAt);
}

function announceMove(
  { request, order, from, version }: Move,
  changedAt: Date,
  lines: Map<string, Line[]>,
): Announcement[] {
  if (from === 'DRAFT') return []; // a draft's end is history only; its placing is announced by who places it
  const facts = {
    order_id: order.id,
    order_version: version,
    restaurant_id: order.restaurant_id,
    customer_id: order.customer_id,
    reference: order.reference ?? undefined,
    previous_status: from,
    actor: request.actor,
    changed_at: changedAt.toISOString(),
    payment_method: order.payment_method,
  };
  switch (request.to) {
    case 'CANCELLED':
      return [
        announce(request.origin, 'order.cancelled.v1', order.id, {
          ...facts,
          reason: request.reason,
          note: request.note,
          items: (lines.get(order.id) ?? []).map(({ order_id: _, price, ...line }) => ({
            ...line,
            price: formatPrice(price),
          })),
          total_amount: amountAsNumber(order.total_amount),
          currency: order.currency,
        }),
      ];
    case 'PREPARING':
      return [
        announce(request.origin, 'order.status.preparing.v1', order.id, { ...facts, status: request.to }),
      ];
    case 'OUT_FOR_DELIVERY':
      return [
        announce(request.origin, 'order.status.out_for_delivery.v1', order.id, {
          ...facts,
          status: request.to,
        }),
      ];
    case 'DELIVERED':
      return [
        announce(request.origin, 'order.status.delivered.v1', order.id, { ...facts, status: request.to }),
      ];
    default:
      return [];
  }
}
