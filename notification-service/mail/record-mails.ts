import { orderIdOf, type Event } from '../../shared/events/envelope';
import { storableText } from '../../shared/storable-text';
import type { Tx } from '../../shared/service/database';
import type { NewNotification } from '../delivery/record-notifications';
import { isTooOld, whyTooOld } from '../delivery/too-old';
import { isMailAddress } from './address';
import { mailAbout } from './mail-about';
import type { MailData } from './mail-data';
import { rulesOf } from './mail-kinds';
import { moneyBack } from './money-back';
import { plainText } from './plain-text';
import { readStepsBefore } from './steps-before';
import { readContacts, type Contact } from './read-contacts';

/** The mails about events: to customers that gave an address, and to restaurants that have one. */
export async function mailsAbout(tx: Tx, events: Event[], stockWindowMs: number): Promise<NewNotification[]> {
  const told = events.flatMap((event) => {
    const facts = mailAbout(event);
    return facts ? [{ event, facts }] : [];
  });
  if (told.length === 0) return [];
  const contactOf = await readContacts(
    tx,
    told.map(({ event }) => event),
  );
  const mails = told.flatMap(({ event, facts }) => {
    const contact = contactOf(event);
    const to = facts.kind === 'stock' ? contact?.restaurant.email : contact?.order?.email;
    return contact && to?.trim() ? [{ event, facts, contact, to }] : [];
  });
  const before = await readStepsBefore(
    tx,
    mails.map(({ event }) => event),
  );
  return mails.map(({ event, facts, contact, to }) => ({
    ...toRecord(event, dataOf(event, facts, contact), contact, to, stockWindowMs),
    expects: before(event),
  }));
}

function dataOf(event: Event, facts: ReturnType<typeof mailAbout> & object, contact: Contact): MailData {
  const { order, restaurant } = contact;
  const data: MailData = { ...facts, restaurant: { ...restaurant, name: plainText(restaurant.name) } };
  if (!order) return data;
  data.order = {
    id: order.id,
    reference: order.reference && plainText(order.reference, 64),
    customerEmail: order.email,
  };
  data.method ??= order.method;
  if (event.type !== 'order.cancelled.v1') return data;
  const { reason, previous_status: previousStatus } = event.data as Event<'order.cancelled.v1'>['data'];
  data.moneyBack = moneyBack({
    method: order.method,
    reason: String(reason),
    previousStatus,
    charged: order.charged,
  });
  return data;
}

function toRecord(
  event: Event,
  data: MailData,
  contact: Contact,
  to: string,
  stockWindowMs: number,
): NewNotification {
  const { sequence, staleFrom } = rulesOf(data.kind);
  return {
    eventId: event.id,
    eventSource: event.source,
    eventType: event.type,
    channel: 'EMAIL',
    recipient: storableText(to, 320),
    lane: 'email',
    kind: data.kind,
    orderId: orderIdOf(event),
    restaurantId: (event.data as { restaurant_id: string }).restaurant_id,
    correlationId: event.correlationid,
    data: data as unknown as NewNotification['data'],
    sequence,
    staleFrom,
    dropped: whyNot(event, to, contact),
    ...(data.kind === 'stock'
      ? {
          gatherKey: `stock ${(event.data as { restaurant_id: string }).restaurant_id} ${to}`,
          afterMs: stockWindowMs,
        }
      : {}),
  };
}

function whyNot(event: Event, to: string, { order }: Contact): string | undefined {
  if (!isMailAddress(to)) return 'it has no address that mail can be sent to';
  return whyTooOld(order ? order.old : isTooOld(event)); // of an order, its row says so
}
