import { groupBy } from '../../shared/group-by';
import type { Arrival } from './mail-receiver';

/** What is on record about a mail. */
export interface RecordedMail {
  id: string;
  kind: string;
  status: string;
  attempts: number;
  last_error: string | null;
}

/** An order whose customer gave an address, and what became of it. */
export interface MailedOrder {
  id: string;
  /** Every status that it has had. */
  history: string[];
  payment_state: string | null;
  cancel_reason: string | null;
  mails: RecordedMail[];
}

/** In the order in which they may arrive. */
const KINDS = ['accepted', 'payment-failed', 'preparing', 'on-its-way', 'delivered', 'cancelled', 'refunded'];
/** What somebody has to have been told, whatever came after it. */
const NEVER_DROPPED = new Set(['payment-failed', 'delivered', 'cancelled', 'refunded']);

/**
 * Holds what a customer's mail server got against what the order became. Pure.
 * @returns what is wrong, in words; nothing when all is well
 */
export function judgeMails(order: MailedOrder, arrivals: readonly Arrival[]): string[] {
  const wrong: string[] = [];
  const byMail = groupBy(arrivals, ({ notificationId }) => notificationId);
  const due = kindsDue(order);
  for (const kind of due) {
    const mails = order.mails.filter((mail) => mail.kind === kind);
    if (mails.length !== 1) wrong.push(`has ${mails.length} mails ${kind} on record`);
    for (const mail of mails) wrong.push(...judgeMail(mail, byMail.get(mail.id)?.length ?? 0));
  }
  const undue = order.mails.filter(({ kind }) => !due.includes(kind));
  wrong.push(...undue.map(({ kind }) => `was told by mail ${kind}, which it never was`));
  const known = new Set(order.mails.map(({ id }) => id));
  for (const id of byMail.keys())
    if (!known.has(id)) wrong.push(`got the mail ${id}, which nobody has recorded`);
  return [...wrong, ...judgeSequence(order, byMail)].map((what) => `order ${order.id} ${what}`);
}

function judgeMail({ id, kind, status, attempts, last_error }: RecordedMail, arrived: number): string[] {
  const mail = `mail ${kind} (${id})`;
  if (status === 'SENT' && arrived === 0) return [`${mail} is on record as sent and never arrived`];
  if (status === 'DROPPED' && arrived > 0 && attempts <= 1)
    return [`${mail} is on record as dropped and arrived`];
  if (status === 'DROPPED' && NEVER_DROPPED.has(kind)) return [`${mail} was dropped: ${last_error}`];
  if (status !== 'SENT' && status !== 'DROPPED') return [`${mail} is ${status}: ${last_error}`];
  // Each attempt may have got there, and been taken back by a crash before it was on record.
  return arrived > attempts ? [`${mail} arrived ${arrived} times in ${attempts} attempts`] : [];
}

/** What is sent again after a crash may arrive late: what counts is when each came first. */
function judgeSequence({ mails, cancel_reason }: MailedOrder, byMail: Map<string, Arrival[]>): string[] {
  // A card may be declined when its order is cancelled already: then that is told when it happens.
  const free = cancel_reason === 'PAYMENT_FAILED' ? undefined : 'payment-failed';
  const first = mails
    .filter(({ kind }) => kind !== free)
    .flatMap(({ id, kind }) => {
      const arrived = byMail.get(id)?.map(({ at }) => at) ?? [];
      return arrived.length > 0 ? [{ kind, at: Math.min(...arrived) }] : [];
    })
    .sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
  return first.flatMap((mail, index) => {
    const before = first[index - 1];
    return before && before.at > mail.at ? [`was told ${mail.kind} before ${before.kind}`] : [];
  });
}

function kindsDue({ history, payment_state }: MailedOrder): string[] {
  if (!history.includes('PLACED')) return []; // a draft: nobody is told
  const reached: Record<string, boolean> = {
    accepted: true,
    'payment-failed': payment_state === 'FAILED',
    preparing: history.includes('PREPARING'),
    'on-its-way': history.includes('OUT_FOR_DELIVERY'),
    delivered: history.includes('DELIVERED'),
    cancelled: history.includes('CANCELLED'),
    refunded: payment_state === 'REFUNDED',
  };
  return KINDS.filter((kind) => reached[kind]);
}
