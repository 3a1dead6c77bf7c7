import { z } from 'zod';
import { actors, cancelReasons } from '../lifecycle/order-lifecycle';
import { rfc3339 } from './attributes';
import { growing } from './growing';

/**
 * The data of every event, by type: the one place where a payload's shape is written down. A published
 * version never changes meaning; a new meaning is a new `.vN`. Consumers ignore members that they do
 * not know, so a version may gain optional ones; and a member that is `growing` may gain values.
 *
 * Units: quantities are whole units of an item; a line's `price` is a decimal string with two places
 * in `currency` (ISO 4217), `total_amount` and a payment's `amount` a number with at most two; times are
 * RFC 3339 in UTC.
 */

export const uuid = z.guid().transform((id) => id.toLowerCase());
const quantity = z.int().min(1).max(1_000_000_000);
const stockCount = z.int().min(0);
const time = rfc3339.meta({ format: 'date-time' });
const amount = z.number().min(0).meta({ description: 'In `currency`, with two decimals at most' });
export const paymentMethods = ['CASH', 'CARD'] as const;
export const paymentMethod = growing(paymentMethods);

const orderLine = z.object({
  menu_item_id: uuid,
  sku: z.string().nullish(),
  name: z.string(),
  quantity,
  price: z
    .string()
    .regex(/^\d+\.\d{2}$/)
    .meta({ description: 'Of one unit, in `currency`' }),
});

const orderFacts = { order_id: uuid, restaurant_id: uuid, customer_id: z.string().nullish() };
/** The order's version after what the event tells: its events are in this order. Absent in those of versions before it. */
const orderVersion = z
  .int()
  .min(1)
  .optional()
  .meta({ description: "The order's version after what the event tells" });
/** The caller's own number for the order. */
const reference = z.string().nullish();
const stockLine = z.object({ menu_item_id: uuid, quantity, available_qty: stockCount });
const moveFacts = {
  ...orderFacts,
  order_version: orderVersion,
  reference,
  previous_status: z.string(),
  actor: growing(actors),
  changed_at: time,
  payment_method: paymentMethod.optional(),
};
const paymentFacts = {
  payment_id: uuid,
  ...orderFacts,
  amount,
  currency: z.string(),
  gateway: z.string(),
  /** The gateway's id of the payment. */
  gateway_reference: z.string().nullish(),
};
const itemFacts = {
  menu_item_id: uuid,
  restaurant_id: uuid,
  name: z.string(),
  available_qty: stockCount,
  low_stock_threshold: stockCount,
};
/** Why an adjustment is rejected. */
export const rejections = ['BELOW_ZERO', 'ABOVE_MAXIMUM', 'UNKNOWN_ITEM'] as const;
const adjustmentFacts = { adjustment_id: uuid, menu_item_id: uuid, delta: z.int(), reason: z.string() };

export const eventData = {
  'order.placed.v1': z.object({
    ...orderFacts,
    order_version: orderVersion,
    reference,
    items: z.array(orderLine).min(1),
    total_amount: amount,
    currency: z.string(),
    payment_method: paymentMethod,
    placed_at: time,
  }),
  'order.status.preparing.v1': z.object({ ...moveFacts, status: z.literal('PREPARING') }),
  'order.status.out_for_delivery.v1': z.object({ ...moveFacts, status: z.literal('OUT_FOR_DELIVERY') }),
  'order.status.delivered.v1': z.object({ ...moveFacts, status: z.literal('DELIVERED') }),
  'order.cancelled.v1': z.object({
    ...moveFacts,
    reason: growing(cancelReasons),
    note: z.string().nullish(),
    items: z.array(orderLine),
    total_amount: amount,
    currency: z.string(),
  }),
  'order.cancellation.required.v1': z.object({
    order_id: uuid,
    restaurant_id: uuid,
    /** One of those of order.cancelled, for which it is handed on. */
    reason: growing(['OUT_OF_STOCK']),
    shortages: z
      .array(
        z.object({
          menu_item_id: uuid,
          name: z.string().nullish(),
          requested: z.int().min(1),
          available: stockCount,
        }),
      )
      .min(1),
  }),
  'payment.authorized.v1': z.object({ ...paymentFacts, authorized_at: time }),
  'payment.failed.v1': z.object({
    ...paymentFacts,
    /** Why, in the gateway's words: `insufficient_funds`. */
    decline_code: z.string(),
    failed_at: time,
  }),
  'payment.completed.v1': z.object({ ...paymentFacts, captured_at: time }),
  'payment.voided.v1': z.object({ ...paymentFacts, voided_at: time }),
  'payment.refunded.v1': z.object({ ...paymentFacts, refunded_at: time }),
  'inventory.deducted.success.v1': z.object({
    order_id: uuid,
    restaurant_id: uuid,
    items: z.array(stockLine).min(1),
  }),
  'inventory.restored.v1': z.object({
    order_id: uuid,
    restaurant_id: uuid,
    items: z.array(stockLine).min(1),
  }),
  'inventory.adjustment.requested.v1': z.object(adjustmentFacts),
  'inventory.adjusted.v1': z.object({ ...adjustmentFacts, available_qty: stockCount }),
  'inventory.adjustment.rejected.v1': z.object({
    ...adjustmentFacts,
    rejection: growing(rejections),
    available_qty: stockCount,
  }),
  'inventory.low_stock.v1': z.object(itemFacts),
  'inventory.out_of_stock.v1': z.object(itemFacts),
} as const;

export type EventType = keyof typeof eventData;
/** The data of an event as a consumer gets it: validated, ids in lower case. */
export type EventData<T extends EventType> = z.output<(typeof eventData)[T]>;
/** The data of an event as its producer says it. */
export type NewEventData<T extends EventType> = z.input<(typeof eventData)[T]>;

export type PaymentMethod = (typeof paymentMethods)[number];

export const isEventType = (type: string): type is EventType => Object.hasOwn(eventData, type);
export const eventTypes = Object.keys(eventData) as EventType[];
