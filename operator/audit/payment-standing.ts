import { Prisma } from '../../shared/service/database';
import { gatewayPaused, graceBegan, type Settings } from './check';

/**
 * The verdict on a payment `p` (or none) that is not yet where it should be. Work on it is under way while it is
 * young. After that, a gateway that gives no answer is not a bug of the mesh: as long as it is being asked, a warning says
 * so. A payment that nobody asks about is a violation, as is one that nothing is to be asked about any more.
 */
export const standing = (settings: Settings): Prisma.Sql => Prisma.sql`CASE
  WHEN p.state = 'REVIEW' THEN 'warning'
  WHEN p.next_attempt_at IS NULL THEN 'violation'
  WHEN p.updated_at >= ${graceBegan(settings)} THEN 'under way'
  /* Asked or taken over at that time, had anybody been there. */
  WHEN p.next_attempt_at < ${graceBegan(settings)} AND ${gatewayPaused(settings)} THEN 'under way'
  WHEN p.next_attempt_at < ${graceBegan(settings)} THEN 'violation'
  WHEN p.last_error IS NOT NULL THEN 'warning'
  WHEN p.updated_at >= ${graceBegan(settings)} - ${settings.longestRetryMs}::float8 * interval '1 millisecond' THEN 'under way'
  ELSE 'violation' END`;

/** In words, where that payment stands. */
export const whereItStands = Prisma.sql`CASE
  WHEN p.id IS NULL THEN 'it has no payment'
  ELSE format('its payment is %s since %s', p.state, to_char(p.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    || CASE WHEN p.state = 'REVIEW'
      THEN format(' (%s: %s) and needs an operator: npm run payments -- show %s', p.review_operation, p.review_reason, p.order_id)
      WHEN p.next_attempt_at IS NULL THEN ''
      ELSE format(', asked %s times, due %s', p.attempts, to_char(p.next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
        || coalesce(': ' || p.last_error, '') END END`;

/**
 * The payment of one order, for a LATERAL join: each is looked up by its index (LIMIT keeps the planner from
 * choosing otherwise), however little is known of a table that has just been filled.
 */
export const paymentOf = (orderId: string): Prisma.Sql =>
  Prisma.sql`SELECT * FROM payments WHERE order_id = ${Prisma.raw(orderId)} LIMIT 1`;

/** An order, in the same way. */
export const orderOf = (orderId: string): Prisma.Sql =>
  Prisma.sql`SELECT * FROM orders WHERE id = ${Prisma.raw(orderId)} LIMIT 1`;

/**
 * What the ledger says of one order, null for what it does not have; in the same way.
 */
export const moneyOf = (orderId: string): Prisma.Sql => Prisma.sql`
  SELECT sum(amount) FILTER (WHERE kind = 'AUTHORIZED') AS authorized,
    sum(amount) FILTER (WHERE kind = 'CAPTURED') AS captured, sum(amount) FILTER (WHERE kind = 'VOIDED') AS voided,
    sum(amount) FILTER (WHERE kind = 'REFUNDED') AS refunded, coalesce(array_agg(kind), '{}') AS kinds,
    count(*) > count(DISTINCT kind) AS twice, min(currency) AS currency, max(currency) AS other_currency
  FROM payment_ledger WHERE order_id = ${Prisma.raw(orderId)}`;

/** Whether the gateway ever had other money for an order than was asked for: then an operator has the last word. */
export const hadMismatch = (orderId: string): Prisma.Sql =>
  Prisma.sql`EXISTS (SELECT FROM payment_moves m WHERE m.order_id = ${Prisma.raw(orderId)} AND m.cause = 'mismatch')`;
