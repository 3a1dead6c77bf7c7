import type { EventData, EventType } from '../../shared/events/contracts';
import type { Event } from '../../shared/events/envelope';
import type { MailData } from './mail-data';
import { plainText } from './plain-text';

type Facts = Omit<MailData, 'restaurant' | 'order'>;
type About<T extends EventType> = (data: EventData<T>) => Facts;

const MOST_ITEMS = 100;

const itemsOf = (items: EventData<'order.placed.v1'>['items']) =>
  items.slice(0, MOST_ITEMS).map(({ name, quantity, price }) => ({ name: plainText(name), quantity, price }));

const stock = (data: EventData<'inventory.low_stock.v1'>, at = ''): Facts => ({
  kind: 'stock',
  at,
  stock: { id: data.menu_item_id, name: plainText(data.name), left: data.available_qty },
});

/** What is told by mail about which event: pure. What they do not say is read where the mail is recorded. */
const mails = {
  'order.placed.v1': (data) => ({
    kind: 'accepted',
    at: data.placed_at,
    items: itemsOf(data.items),
    amount: data.total_amount,
    currency: data.currency,
    method: String(data.payment_method),
  }),
  'payment.failed.v1': (data) => ({
    kind: 'payment-failed',
    at: data.failed_at,
    amount: data.amount,
    currency: data.currency,
    decline: data.decline_code,
  }),
  'order.status.preparing.v1': (data) => ({ kind: 'preparing', at: data.changed_at }),
  'order.status.out_for_delivery.v1': (data) => ({ kind: 'on-its-way', at: data.changed_at }),
  'order.status.delivered.v1': (data) => ({ kind: 'delivered', at: data.changed_at }),
  'order.cancelled.v1': (data) => ({
    kind: 'cancelled',
    at: data.changed_at,
    items: itemsOf(data.items),
    amount: data.total_amount,
    currency: data.currency,
    reason: String(data.reason),
    // What the customer wrote needs no repeating, and the mesh's own words are for programs.
    note: String(data.actor) === 'STAFF' && data.note ? plainText(data.note, 300) : undefined,
  }),
  'payment.refunded.v1': (data) => ({
    kind: 'refunded',
    at: data.refunded_at,
    amount: data.amount,
    currency: data.currency,
  }),
  'inventory.low_stock.v1': (data) => stock(data),
  'inventory.out_of_stock.v1': (data) => stock(data),
} satisfies { [T in EventType]?: About<T> };

/** What a mail about the event says; undefined where there is none. */
export function mailAbout(event: Event): Facts | undefined {
  if (!Object.hasOwn(mails, event.type)) return undefined;
  const facts = (mails[event.type as keyof typeof mails] as About<EventType>)(event.data);
  return { ...facts, at: facts.at || event.time };
}
