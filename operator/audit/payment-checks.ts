import { Prisma } from '../../shared/service/database';
import { paymentsAnnounced } from './announcement-checks';
import { countIn, inRange, type Check, type Pass } from './check';
import { ledgerOfState, paymentMoves } from './payment-life';
import { hadMismatch, moneyOf, orderOf, paymentOf, standing, whereItStands } from './payment-standing';

const owners: Check = {
  name: 'payment-owners',
  promise: 'only placed orders that are paid by card have payments',
  // The tombstone of a cancelled order moves no money, whatever the order is paid with. Of a method that this version
  // does not know, it cannot say that it has no payments.
  find: (range) => Prisma.sql`
    SELECT p.order_id::text AS subject, CASE
      WHEN o.id IS NULL THEN format('has a payment, %s, and there is no such order', p.state)
      WHEN o.payment_method = 'CASH' THEN format('has a payment, %s, and is paid by CASH', p.state)
      ELSE format('has a payment, %s, and was never placed', p.state) END AS problem
    FROM payments p LEFT JOIN LATERAL (${orderOf('p.order_id')}) o ON true
    WHERE ${inRange('p.order_id', range)} AND (o.id IS NULL OR o.status = 'DRAFT'
      OR (p.state <> 'CANCELLED' AND (o.payment_method = 'CASH' OR o.placed_at IS NULL)))
    UNION ALL
    SELECT known.order_id::text, 'is in the ledger or the history of payments, and has no payment'
    FROM (SELECT order_id FROM payment_ledger WHERE ${inRange('order_id', range)}
          UNION SELECT order_id FROM payment_moves WHERE ${inRange('order_id', range)}) known
    LEFT JOIN LATERAL (${paymentOf('known.order_id')}) p ON true WHERE p.id IS NULL`,
};

const amounts: Check = {
  name: 'payment-amounts',
  promise: 'an order is paid once, and for what it costs',
  // Where the gateway had other money than was asked for, an operator has been told and has decided.
  find: (range) => Prisma.sql`
    SELECT order_id::text AS subject, problem,
      CASE WHEN doubled OR NOT ${hadMismatch('judged.order_id')} THEN 'violation' ELSE 'warning' END AS verdict
    FROM (
      SELECT p.order_id, p.payments > 1 OR l.twice AS doubled, CASE
        WHEN p.payments > 1 THEN format('has %s payments', p.payments)
        WHEN l.twice THEN format('its ledger has %s', array_to_string(l.kinds, ', '))
        WHEN (p.amount, p.currency) <> (o.total_amount, o.currency)
          THEN format('its payment is for %s %s, it costs %s %s', p.amount, p.currency, o.total_amount, o.currency)
        WHEN l.currency <> p.currency OR l.other_currency <> p.currency
          THEN format('is paid in %s, not in %s', l.other_currency, p.currency)
        WHEN l.authorized <> p.amount THEN format('authorised %s of %s', l.authorized, p.amount)
        WHEN l.captured <> p.amount THEN format('captured %s of %s', l.captured, p.amount)
        WHEN l.voided <> coalesce(l.authorized, l.voided) THEN format('voided %s of %s authorised', l.voided, l.authorized)
        WHEN l.refunded <> coalesce(l.captured, 0)
          THEN format('refunded %s of %s captured', l.refunded, coalesce(l.captured, 0)) END AS problem
      FROM (SELECT *, count(*) OVER (PARTITION BY order_id) AS payments FROM payments WHERE ${inRange('order_id', range)}) p
      LEFT JOIN LATERAL (${orderOf('p.order_id')}) o ON true
      CROSS JOIN LATERAL (${moneyOf('p.order_id')}) l
    ) judged WHERE problem IS NOT NULL GROUP BY order_id, problem, doubled`,
};

const legalMoves = JSON.stringify(
  Object.entries(paymentMoves).flatMap(([from_state, causes]) =>
    Object.entries(causes).flatMap(([cause, states]) =>
      states.map((to_state) => ({ from_state, cause, to_state })),
    ),
  ),
);

const moves: Check = {
  name: 'payment-moves',
  promise: "a payment's moves are legal, and each begins where the last one ended",
  find: (range) => Prisma.sql`
    SELECT order_id::text AS subject, format('payment move %s: %s', id, problem) AS problem
    FROM (
      SELECT h.order_id, h.id, CASE
        WHEN h.from_state IS DISTINCT FROM h.before
          THEN format('from %s, but it was %s', coalesce(h.from_state, 'nothing'), coalesce(h.before, 'nothing'))
        WHEN legal.cause IS NULL
          THEN format('from %s to %s by %s is not legal', coalesce(h.from_state, 'nothing'), h.to_state, h.cause) END AS problem
      FROM (SELECT *, lag(to_state) OVER (PARTITION BY order_id, payment_id ORDER BY id) AS before
            FROM payment_moves WHERE ${inRange('order_id', range)}) h
      LEFT JOIN json_to_recordset(${legalMoves}::json) AS legal (from_state text, cause text, to_state text)
        ON (legal.from_state, legal.cause, legal.to_state) = (coalesce(h.from_state, ''), h.cause, h.to_state)
    ) judged WHERE problem IS NOT NULL`,
};

const history: Check = {
  name: 'payment-history',
  promise: 'a payment is where its history ends',
  find: (range) => Prisma.sql`
    SELECT p.order_id::text AS subject,
      format('its payment is %s, but its history ends in %s', p.state, coalesce(h.to_state, 'nothing')) AS problem
    FROM payments p LEFT JOIN LATERAL (
      SELECT to_state FROM payment_moves m WHERE m.order_id = p.order_id AND m.payment_id = p.id
      ORDER BY m.id DESC LIMIT 1) h ON true
    WHERE ${inRange('p.order_id', range)} AND p.state IS DISTINCT FROM h.to_state`,
};

const ledgerRules = JSON.stringify(
  Object.entries(ledgerOfState).map(([state, { needs = [], never = [], over = false }]) => ({
    state,
    needs,
    never,
    over,
  })),
);

const ledger: Check = {
  name: 'payment-ledger',
  promise: "a payment's ledger says what its state says",
  find: (range) => Prisma.sql`
    SELECT order_id::text AS subject, format('its payment is %s, its ledger has %s', state,
      coalesce(nullif(array_to_string(kinds, ', '), ''), 'nothing')) AS problem
    FROM (
      SELECT p.order_id, p.state, l.kinds, needs, never, over
      FROM payments p JOIN json_to_recordset(${ledgerRules}::json) AS r (state text, needs text[], never text[], over boolean)
        ON r.state = p.state
      CROSS JOIN LATERAL (${moneyOf('p.order_id')}) l
      WHERE ${inRange('p.order_id', range)}
    ) rules
    WHERE NOT kinds @> needs OR kinds && never OR (over AND (
      ('AUTHORIZED' = ANY(kinds) AND NOT kinds && '{VOIDED,CAPTURED}') OR ('CAPTURED' = ANY(kinds) AND NOT 'REFUNDED' = ANY(kinds))))`,
};

const settled: Check = {
  name: 'payments-settled',
  promise: 'no payment is stuck',
  find: (range, settings) => Prisma.sql`
    SELECT p.order_id::text AS subject, ${standing(settings)} AS verdict, ${whereItStands} AS problem
    FROM payments p WHERE ${inRange('p.order_id', range)} AND (p.next_attempt_at IS NOT NULL OR p.state = 'REVIEW')`,
};

/** What card orders owe, by the id of their order. */
export const paymentPass: Pass = {
  unit: 'payments',
  walk: { table: 'payments', column: 'order_id' },
  count: countIn('payments', 'order_id'),
  checks: [owners, amounts, moves, history, ledger, settled, paymentsAnnounced],
};
