import {
  actors,
  cancelReasons as reasons,
  decideMove,
  orderStatuses,
} from '../../shared/lifecycle/order-lifecycle';
import { Prisma } from '../../shared/service/database';
import { gatewayPaused, graceBegan, inRange, type Check } from './check';
import { paymentOf, whereItStands } from './payment-standing';

/** The lifecycle table as rows. */
const legalMoves = JSON.stringify([
  ...orderStatuses.flatMap((from) =>
    orderStatuses.flatMap((to) =>
      actors
        .filter((actor) => decideMove(from, to, actor).kind === 'move')
        .map((actor) => ({ from_status: from, to_status: to, actor })),
    ),
  ),
  // A draft's lines were replaced: no move, but a change with a version of its own.
  ...(['CUSTOMER', 'STAFF'] as const).map((actor) => ({ from_status: 'DRAFT', to_status: 'DRAFT', actor })),
]);

/** By whom and why as far as this version knows; what a newer one has added, it cannot judge. */
const knownActor = Prisma.sql`h.actor = ANY(${[...actors]}::text[])`;
const knownReason = Prisma.sql`h.reason = ANY(${[...reasons]}::text[])`;

const moves: Check = {
  name: 'moves-legal',
  promise: 'every move is legal and begins where the last one ended',
  find: (range) => Prisma.sql`
    SELECT order_id::text AS subject, format('move %s: %s', id, problem) AS problem
    FROM (
      SELECT h.order_id, h.id, CASE
        WHEN step = 1 AND h.from_status IS NOT NULL THEN format('the first, and from %s', h.from_status)
        WHEN step = 1 AND h.to_status NOT IN ('DRAFT', 'PLACED') THEN format('an order begins as %s', h.to_status)
        WHEN step > 1 AND h.from_status IS DISTINCT FROM h.before
          THEN format('from %s, but it was %s', coalesce(h.from_status, 'nothing'), h.before)
        WHEN step > 1 AND legal.actor IS NULL AND ${knownActor}
          THEN format('from %s to %s by %s is not legal', h.from_status, h.to_status, h.actor) END AS problem
      FROM (SELECT *, lag(to_status) OVER life AS before, row_number() OVER life AS step
            FROM order_status_history WHERE ${inRange('order_id', range)}
            WINDOW life AS (PARTITION BY order_id ORDER BY id)) h
      LEFT JOIN json_to_recordset(${legalMoves}::json) AS legal (from_status text, to_status text, actor text)
        ON (legal.from_status, legal.to_status, legal.actor) = (h.from_status, h.to_status, h.actor)
    ) judged WHERE problem IS NOT NULL`,
};

const lastMoves = (range: Parameters<Check['find']>[0]) => Prisma.sql`
  SELECT DISTINCT ON (order_id) order_id, to_status, actor, reason
  FROM order_status_history WHERE ${inRange('order_id', range)} ORDER BY order_id, id DESC`;

const statusIsLast: Check = {
  name: 'status-history',
  promise: "an order's status is where its history ends",
  find: (range) => Prisma.sql`
    SELECT o.id::text AS subject, format('is %s, but its history ends in %s', o.status, coalesce(h.to_status, 'nothing')) AS problem
    FROM orders o LEFT JOIN (${lastMoves(range)}) h ON h.order_id = o.id
    WHERE ${inRange('o.id', range)} AND o.status IS DISTINCT FROM h.to_status`,
};

const versions: Check = {
  name: 'versions-gapless',
  promise: "an order's versions are 1, 2, 3 without a gap",
  find: (range) => Prisma.sql`
    SELECT o.id::text AS subject, format('is at version %s; its history has %s changes, numbered %s to %s',
      o.version, coalesce(h.changes, 0), h.first, h.last) AS problem
    FROM orders o LEFT JOIN (
      SELECT order_id, count(*) AS changes, min(version) AS first, max(version) AS last
      FROM order_status_history WHERE ${inRange('order_id', range)} GROUP BY order_id
    ) h ON h.order_id = o.id
    WHERE ${inRange('o.id', range)} AND (h.changes, h.first, h.last) IS DISTINCT FROM (o.version::bigint, 1, o.version)`,
};

const cancelReasons: Check = {
  name: 'cancel-reasons',
  promise: 'a cancelled order and its history give the same reason',
  find: (range) => Prisma.sql`
    SELECT o.id::text AS subject, format('says %s; its history says %s, by %s',
      coalesce(o.cancel_reason, 'nothing'), coalesce(h.reason, 'nothing'), h.actor) AS problem
    FROM orders o JOIN (${lastMoves(range)}) h ON h.order_id = o.id
    WHERE ${inRange('o.id', range)} AND h.to_status = 'CANCELLED'
      AND (o.cancel_reason IS DISTINCT FROM h.reason
        /* People are their own reason; the mesh has one of its own. */
        OR (${knownActor} AND ${knownReason} AND ((h.reason IN ('CUSTOMER', 'STAFF')) <> (h.actor <> 'MESH')
          OR (h.actor <> 'MESH' AND h.reason <> h.actor))))`,
};

const totals: Check = {
  name: 'totals',
  promise: "an order's total is the sum of its lines",
  find: (range) => Prisma.sql`
    SELECT o.id::text AS subject,
      CASE WHEN l.total IS NULL THEN format('is %s and has no lines', o.status)
           ELSE format('total is %s, its lines make %s', o.total_amount, l.total) END AS problem
    FROM orders o
    LEFT JOIN (SELECT order_id, sum(price * quantity) AS total FROM order_lines
               WHERE ${inRange('order_id', range)} GROUP BY order_id) l ON l.order_id = o.id
    WHERE ${inRange('o.id', range)} AND o.total_amount <> coalesce(l.total, -1)`,
};

const forgotten: Check = {
  name: 'placed-orders',
  promise: 'no placed order is forgotten',
  remedies: [
    { type: 'order.placed.v1', consumer: 'inventory-service' },
    { type: 'inventory.deducted.success.v1', consumer: 'status-service' },
    { type: 'order.cancellation.required.v1', consumer: 'status-service' },
    { type: 'order.placed.v1', consumer: 'payment-service' },
    { type: 'payment.authorized.v1', consumer: 'status-service' },
    { type: 'payment.failed.v1', consumer: 'status-service' },
  ],
  // The gateway may be asked about a card for as long as it takes, or an operator; its deadline ends that.
  find: (range, settings) => Prisma.sql`
    SELECT o.id::text AS subject, o.id::text AS about,
      CASE WHEN p.state = 'REVIEW' OR (p.state = 'AUTHORIZING' AND (p.next_attempt_at >= ${graceBegan(settings)} OR ${gatewayPaused(settings)}))
        THEN 'under way' ELSE 'violation' END AS verdict,
      format('is PLACED since %s', to_char(coalesce(o.placed_at, o.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
        || CASE WHEN o.payment_method = 'CARD' THEN format('; %s', ${whereItStands}) ELSE '' END AS problem
    FROM orders o LEFT JOIN LATERAL (${paymentOf('o.id')}) p ON true
    WHERE ${inRange('o.id', range)} AND o.status = 'PLACED' AND coalesce(o.placed_at, o.created_at) < ${graceBegan(settings)}`,
};

/** An order's life, its reasons and its money. */
export const orderLifeChecks: readonly Check[] = [
  moves,
  statusIsLast,
  versions,
  cancelReasons,
  totals,
  forgotten,
];
