import { Decimal } from 'decimal.js';
import { announcePlaced } from '../../../order-api/orders/placed-event';
import { newId } from '../../../shared/ids';
import { makeEvents } from '../../../shared/outbox/write-outbox';
import type { World } from './world';

// Rows by the million, made inside the database. Ids are UUIDv7 (RFC 9562), of times that go up to now, so that
// they fall into the partitions and the ends of the indexes as they do in earnest.

const ORDER = '0a0a0a0a-0a0a-7a0a-8a0a-0a0a0a0a0a0a';
const EVENT = '0b0b0b0b-0b0b-7b0b-8b0b-0b0b0b0b0b0b';

/** SQL for a UUIDv7 of so many milliseconds before now, with hexadecimal digits that tell it from others. */
export const uuidAt = (msAgo: string): string => `(
  lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - ${msAgo}), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
  || '8' || substr(md5(random()::text), 1, 15))::uuid`;

/** An `order.placed.v1` of two lines, as order-api writes it, with two ids to be replaced. */
function bodyTemplate(): string {
  const lines = [1, 2].map((number) => ({
    menu_item_id: newId(),
    sku: `DISH-${number}`,
    name: `Dish ${number}`,
    price: '100.00',
    quantity: number,
    note: null,
  }));
  const order = {
    id: ORDER,
    version: 1,
    restaurant_id: newId(),
    customer_id: 'customer-17',
    currency: 'INR',
    payment_method: 'CASH' as const,
    lines,
    total: new Decimal('300.00'),
  };
  const [event] = makeEvents('order-api', [announcePlaced({ correlationid: newId() }, order, new Date())]);
  return JSON.stringify({ ...event, id: EVENT });
}

const EVENTS = `
  SELECT ids.event_id, 'order.placed.v1' AS type, ids.order_id::text AS subject, ids.order_id::text AS correlation_id,
    replace(replace($1, '${ORDER}', ids.order_id::text), '${EVENT}', ids.event_id::text)::json AS body
  FROM (SELECT ${uuidAt('($2 - n) / 20')} AS order_id, ${uuidAt('($2 - n) / 20')} AS event_id
        FROM generate_series(1, $2::bigint) AS n) AS ids`;

/** Rows that wait in the outbox. */
export async function fillOutbox({ query }: World, rows: number): Promise<void> {
  await query(
    `INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
     SELECT event_id, type, subject, correlation_id, body FROM (${EVENTS}) AS events`,
    [bodyTemplate(), rows],
  );
}

/** Rows of events that were published an hour ago. */
export async function fillEventLog({ query }: World, rows: number): Promise<void> {
  await query(
    `INSERT INTO event_log (event_id, type, subject, correlation_id, body, created_at, published_at)
     SELECT event_id, type, subject, correlation_id, body, now() - interval '1 hour', now() - interval '1 hour'
     FROM (${EVENTS}) AS events`,
    [bodyTemplate(), rows],
  );
}
