import type { MailKind } from './mail-kinds';

/** What becomes of the money of a cancelled order. */
export type MoneyBack =
  /** To be paid in cash: there is nothing to do. */
  | 'cash'
  /** The card was declined. */
  | 'not-charged'
  /** Nothing was charged; what is reserved is released. */
  | 'released'
  /** It was charged, and is paid back. */
  | 'refunded'
  /** It may have been charged: then it is paid back, else it is released. */
  | 'returned';

/** What a template is filled with: facts, as they were when the notification was recorded. */
export interface MailData {
  kind: MailKind;
  restaurant: { name: string; email: string | null; locale: string; timeZone: string; currency: string };
  /** When it happened, RFC 3339. */
  at: string;
  order?: { id: string; reference: string | null; customerEmail: string | null };
  items?: { name: string; quantity: number; price: string }[];
  amount?: number;
  currency?: string;
  method?: string;
  /** Why it was cancelled, as the event says it. */
  reason?: string;
  /** What the restaurant says about it. */
  note?: string;
  moneyBack?: MoneyBack;
  /** Why the card was declined, in the gateway's words. */
  decline?: string;
  /** `id` is the item's: two may have the same name. */
  stock?: { id?: string; name: string; left: number };
  /** One that is sent no more events. */
  webhook?: { id: string; address: string; isGone: boolean };
}
