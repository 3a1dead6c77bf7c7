import { orderIdOf, type Event } from '../shared/events/envelope';
import { newId } from '../shared/ids';
import type { Tx } from '../shared/service/database';
import { compose } from './compose';

/**
 * Stores what is to be told about each event, once an event and audience. Telling is the deliverer's
 * part: a channel is something external, and nothing external belongs into a transaction.
 */
export async function notify(tx: Tx, events: Event[]): Promise<[]> {
  await tx.notification.createMany({
    data: events.flatMap((event) =>
      compose(event).map((message) => ({
        ...message,
        id: newId(),
        eventId: event.id,
        eventType: event.type,
        orderId: orderIdOf(event),
        menuItemId: 'menu_item_id' in event.data ? event.data.menu_item_id : undefined,
        restaurantId: (event.data as { restaurant_id: string }).restaurant_id,
        correlationId: event.correlationid,
      })),
    ),
    skipDuplicates: true,
  });
  return [];
}
