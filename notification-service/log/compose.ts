import type { EventData, EventType } from '../../shared/events/contracts';
import type { Event } from '../../shared/events/envelope';
import type { CancelReason } from '../../shared/lifecycle/order-lifecycle';

export interface Message {
  audience: 'CUSTOMER' | 'RESTAURANT';
  title: string;
  text: string;
}

type Composer<T extends EventType> = (data: EventData<T>) => Message[];

const customer = (title: string, text: string): Message => ({ audience: 'CUSTOMER', title, text });
const restaurant = (title: string, text: string): Message => ({ audience: 'RESTAURANT', title, text });

const WHY: Record<CancelReason, string> = {
  CUSTOMER: 'It was cancelled as you asked.',
  STAFF: 'It was cancelled by the restaurant.',
  OUT_OF_STOCK: 'It was cancelled because something in it is sold out.',
  PAYMENT_FAILED: 'It was cancelled because the payment did not go through.',
  TIMEOUT: 'It was cancelled because it could not be confirmed in time.',
};

/** Of a reason that this version does not know, what is true whatever it is. */
const whyCancelled = (reason: string) =>
  (Object.hasOwn(WHY, reason) ? WHY[reason as CancelReason] : undefined) ?? 'The order was cancelled.';

/**
 * Why a card was declined, as far as it helps its holder. Of everything else, a suspicion of fraud among it, no
 * word: https://docs.stripe.com/declines/codes
 */
const DECLINES: Record<string, string> = {
  insufficient_funds: 'There is not enough money on your card.',
  expired_card: 'Your card has expired.',
  incorrect_cvc: 'The security code of your card is not right.',
  invalid_cvc: 'The security code of your card is not right.',
  incorrect_number: 'The number of your card is not right.',
  invalid_number: 'The number of your card is not right.',
  authentication_required: 'Your bank wants you to confirm the payment.',
};

const declineText = (code: string) =>
  (Object.hasOwn(DECLINES, code) ? DECLINES[code] : undefined) ?? 'Your card was not accepted.';

const countOf = (items: readonly { quantity: number; name: string }[]) =>
  items.map((item) => `${item.quantity} × ${item.name}`).join(', ');

/** Who is told what about which event: pure. */
const composers = {
  'order.placed.v1': (data) => [
    customer(
      'We have your order',
      `${countOf(data.items)}: ${money(data.total_amount, data.currency)}. We tell you when it is being prepared.`,
    ),
    restaurant('A new order', `${countOf(data.items)}: ${money(data.total_amount, data.currency)}`),
  ],
  'order.status.preparing.v1': () => [
    customer('Your order is being prepared', 'Everything is in stock and the kitchen has it.'),
    restaurant('Prepare an order', 'Its stock is deducted.'),
  ],
  'order.status.out_for_delivery.v1': () => [
    customer('Your order is on its way', 'It has left the restaurant.'),
  ],
  'order.status.delivered.v1': () => [customer('Your order is delivered', 'Enjoy it.')],
  'order.cancelled.v1': (data) => [
    customer('Your order is cancelled', whyCancelled(String(data.reason))),
    restaurant(
      'An order is cancelled',
      `${countOf(data.items)} (${String(data.reason)}${data.note ? `: ${data.note}` : ''})`,
    ),
  ],
  // It may come when the order is already cancelled: nothing here says that it goes on.
  'payment.authorized.v1': ({ amount, currency }) => [
    customer(
      'Your card is authorised',
      `${money(amount, currency)} are reserved on it. It is charged only when your order is being prepared.`,
    ),
  ],
  'payment.failed.v1': ({ amount, currency, decline_code }) => [
    customer(
      'Your payment did not go through',
      `${declineText(decline_code)} You were not charged the ${money(amount, currency)}.`,
    ),
  ],
  'payment.completed.v1': ({ amount, currency, payment_id }) => [
    customer('Your card is charged', `${money(amount, currency)}, paid by card. Receipt ${payment_id}.`),
  ],
  'payment.refunded.v1': ({ amount, currency }) => [
    customer(
      'Your money is on its way back',
      `${money(amount, currency)} are refunded to your card. Your bank may take a few days to show it.`,
    ),
    restaurant('A payment is refunded', `${money(amount, currency)} of a cancelled order.`),
  ],
  'inventory.low_stock.v1': (data) => [
    restaurant(`${data.name} is running low`, `${data.available_qty} left.`),
  ],
  'inventory.out_of_stock.v1': (data) => [
    restaurant(`${data.name} is sold out`, 'Orders for it are cancelled until it is restocked.'),
  ],
} satisfies { [T in EventType]?: Composer<T> };

const money = (amount: number, currency: string) => `${amount.toFixed(2)} ${currency}`;

/** The messages about an event; none where nobody cares. */
export function compose(event: Event): Message[] {
  if (!Object.hasOwn(composers, event.type)) return [];
  return (composers[event.type as keyof typeof composers] as Composer<EventType>)(event.data);
}
