import { createHash } from 'node:crypto';
import { eventCatalogue } from '../../shared/events/catalogue';
import { orderIdOf, type Event } from '../../shared/events/envelope';
import type { Tx } from '../../shared/service/database';
import type { NewNotification } from '../delivery/record-notifications';
import { findEndpoints, type Endpoint } from './find-endpoints';
import { HELD, keepOrder } from './keep-order';
import { placeInLife } from './order-of-life';

/** How long an event waits for one of its order that came before it. */
export const WAIT_MS = 180_000;

/** The webhooks about events. Where there are no endpoints, that is all it costs: one query a batch. */
export async function webhooksAbout(tx: Tx, events: Event[]): Promise<NewNotification[]> {
  const { endpoints, restaurantOf } = await findEndpoints(tx, events);
  if (endpoints.length === 0) return [];
  const hasToWait = await keepOrder(tx, events);
  return events.flatMap((event) => {
    const held = hasToWait(event) ? { kind: HELD, afterMs: WAIT_MS } : {};
    return endpoints
      .filter((endpoint) => wants(endpoint, event.type, restaurantOf(event)))
      .map(({ id }) => ({ ...webhook(id, event), ...held }));
  });
}

export const wants = (
  { restaurantId, eventTypes }: Endpoint,
  type: string,
  restaurant: string | undefined,
): boolean =>
  (restaurantId === null || restaurantId === restaurant) &&
  (eventTypes.length === 0 || eventTypes.includes(type));

/** An event as it is to be sent to an endpoint. */
export const webhook = (endpointId: string, event: Event): NewNotification => ({
  eventId: event.id,
  eventSource: event.source,
  eventType: event.type,
  channel: 'WEBHOOK',
  recipient: endpointId,
  lane: `webhook:${endpointId}`,
  orderId: orderIdOf(event),
  restaurantId: (event.data as { restaurant_id?: string }).restaurant_id,
  correlationId: event.correlationid,
  data: event as unknown as NewNotification['data'],
  sequence: placeInLife(event),
});

const OWN_SOURCES = new Set(
  Object.values(eventCatalogue).flatMap(({ by }) => by.map((service) => `/${service}`)),
);

/** `webhook-id`: the event's id. Ids are unique within their source only: of a stranger's, the source is a part of it. */
export const webhookIdOf = (eventId: string, source: string): string =>
  OWN_SOURCES.has(source)
    ? eventId
    : `${eventId}_${createHash('sha256').update(source).digest('hex').slice(0, 16)}`;
