import { orderIdOf, type Event } from '../../shared/events/envelope';
import type { Tx } from '../../shared/service/database';
import type { NewNotification } from '../delivery/record-notifications';
import { isTooOld, whyTooOld } from '../delivery/too-old';
import { compose } from '../log/compose';
import { plainText } from '../mail/plain-text';

/** Slack takes about one message a second: what comes together goes out together. */
const GATHERING_MS = 2_000;

export interface SlackData {
  title: string;
  text: string;
  orderId?: string;
}

/** What staff are told of events in Slack: the same as in the log. */
export async function slackAbout(_tx: Tx, events: Event[]): Promise<NewNotification[]> {
  return events.flatMap((event) => {
    const message = compose(event).find(({ audience }) => audience === 'RESTAURANT');
    if (!message) return [];
    const orderId = orderIdOf(event);
    return [
      {
        eventId: event.id,
        eventSource: event.source,
        eventType: event.type,
        channel: 'SLACK' as const,
        recipient: 'staff',
        lane: 'slack',
        orderId,
        restaurantId: (event.data as { restaurant_id: string }).restaurant_id,
        correlationId: event.correlationid,
        data: { title: plainText(message.title, 150), text: plainText(message.text, 500), orderId },
        gatherKey: 'slack',
        afterMs: GATHERING_MS,
        dropped: whyTooOld(isTooOld(event)),
      },
    ];
  });
}
