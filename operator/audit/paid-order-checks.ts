import { Prisma } from '../../shared/service/database';
import { inRange, type Check } from './check';
import { hadMismatch, moneyOf, paymentOf, standing, whereItStands } from './payment-standing';

const cancelled = { type: 'order.cancelled.v1', consumer: 'payment-service' };

const cancelledCaptures: Check = {
  name: 'cancelled-captures',
  promise: 'no cancelled order keeps captured money',
  remedies: [cancelled],
  find: (range, settings) => Prisma.sql`
    SELECT o.id::text AS subject, o.id::text AS about,
      /* The gateway refunded another sum than was captured, and a person has looked at it. */
      CASE WHEN l.refunded IS NOT NULL AND ${hadMismatch('o.id')} THEN 'warning' ELSE ${standing(settings)} END AS verdict,
      format('is CANCELLED, captured %s and refunded %s; %s', coalesce(l.captured, 0), coalesce(l.refunded, 0), ${whereItStands}) AS problem
    FROM orders o CROSS JOIN LATERAL (${moneyOf('o.id')}) l
    LEFT JOIN LATERAL (${paymentOf('o.id')}) p ON true
    WHERE ${inRange('o.id', range)} AND o.status = 'CANCELLED' AND coalesce(l.captured, 0) <> coalesce(l.refunded, 0)`,
};

const cancelledAuthorizations: Check = {
  name: 'cancelled-authorizations',
  promise: 'no cancelled order blocks money on a card',
  remedies: [cancelled],
  find: (range, settings) => Prisma.sql`
    SELECT o.id::text AS subject, o.id::text AS about, ${standing(settings)} AS verdict,
      format('is CANCELLED, and %s stay authorised; %s', l.authorized, ${whereItStands}) AS problem
    FROM orders o CROSS JOIN LATERAL (${moneyOf('o.id')}) l
    LEFT JOIN LATERAL (${paymentOf('o.id')}) p ON true
    WHERE ${inRange('o.id', range)} AND o.status = 'CANCELLED'
      AND l.authorized IS NOT NULL AND l.voided IS NULL AND l.captured IS NULL`,
};

const authorizedFirst: Check = {
  name: 'paid-orders',
  promise: 'no order paid by card is prepared without an authorisation',
  // No need to wait for quiet: what is recorded with the authorisation is what makes it PREPARING.
  find: (range) => Prisma.sql`
    SELECT o.id::text AS subject, format('is %s, was PREPARING, and was never authorised', o.status) AS problem
    FROM orders o CROSS JOIN LATERAL (${moneyOf('o.id')}) l
    WHERE ${inRange('o.id', range)} AND o.payment_method = 'CARD' AND l.authorized IS NULL AND o.status NOT IN ('DRAFT', 'PLACED')
      AND (o.status <> 'CANCELLED' OR EXISTS (
        SELECT FROM order_status_history h WHERE h.order_id = o.id AND h.to_status = 'PREPARING'))`,
};

const charged: Check = {
  name: 'charged-orders',
  promise: 'an order paid by card that is prepared is charged',
  remedies: [{ type: 'order.status.preparing.v1', consumer: 'payment-service' }],
  find: (range, settings) => Prisma.sql`
    SELECT o.id::text AS subject, o.id::text AS about, ${standing(settings)} AS verdict,
      format('is %s and not charged; %s', o.status, ${whereItStands}) AS problem
    FROM orders o CROSS JOIN LATERAL (${moneyOf('o.id')}) l LEFT JOIN LATERAL (${paymentOf('o.id')}) p ON true
    WHERE ${inRange('o.id', range)} AND o.payment_method = 'CARD' AND l.captured IS NULL AND o.status IN ('PREPARING', 'OUT_FOR_DELIVERY', 'DELIVERED')
      /* An operator may have let the money go. */
      AND NOT (coalesce(p.state, '') = 'VOIDED' AND EXISTS (
        SELECT FROM payment_moves m WHERE m.order_id = o.id AND m.operator IS NOT NULL))`,
};

const tokens: Check = {
  name: 'card-tokens',
  promise: 'no card token is kept after use',
  remedies: [{ type: 'order.placed.v1', consumer: 'payment-service' }, cancelled],
  find: (range) => Prisma.sql`
    SELECT t.order_id::text AS subject, t.order_id::text AS about,
      format('its card token is kept, and %s', ${whereItStands}) AS problem
    FROM card_tokens t LEFT JOIN LATERAL (${paymentOf('t.order_id')}) p ON true
    WHERE ${inRange('t.order_id', range)} AND p.state IS DISTINCT FROM 'AUTHORIZING'`,
};

/** Orders against the money that was taken for them. */
export const paidOrderChecks: readonly Check[] = [
  cancelledCaptures,
  cancelledAuthorizations,
  authorizedFirst,
  charged,
  tokens,
];
