import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { isFinal } from '../../shared/lifecycle/order-lifecycle';
import { id } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { route, type RouteContext } from '../http/route';
import { orderWithHistory, readOrder } from '../orders/order-view';
import { eventFrame } from './event-frame';
import { lastEventId, namedEventId } from './last-event-id';
import { EVENT_STREAM_HEADERS } from './event-stream';
import { moveAnswer } from './read-moves';

const A_VERSION = 'a version of the order, or 0';

const orderEvent = z.union([
  z.object({ event: z.literal('order'), id: z.int(), data: orderWithHistory }),
  z.object({ event: z.literal('move'), id: z.int(), data: moveAnswer }),
]);

export const followOrder = route({
  method: 'get',
  path: '/orders/{id}/events',
  name: 'followOrder',
  example: { params: { id: exampleIds.order } },
  summary: 'Follow an order',
  description:
    'Server-Sent Events: `order` with the order as it is, then a `move` for each change; the id is its version. With `Last-Event-ID` only the moves after that version (with 0: from the first). It ends after DELIVERED or CANCELLED.',
  tag: 'Orders',
  params: z.object({ id }),
  concerns: { order: 'id' },
  query: z.object({ last_event_id: lastEventId(A_VERSION) }),
  streams: true,
  answers: {
    200: { description: 'A stream; the schema is that of one event', schema: orderEvent },
    204: { description: 'It has ended, and nothing came after `Last-Event-ID`: do not connect again' },
  },
  async handle({ params, query }, context) {
    const { streams } = context.live;
    streams.refuseWhenFull();
    const given = { header: context.lastEventId, query: query.last_event_id };
    const last = namedEventId(given, A_VERSION);
    const order = await readOrder(context.database, params.id, context.caller);
    if (last && last.id > order.version)
      throw last.refuse(`must be a version that the order has had; it is at ${order.version}`);
    if (last?.id === order.version && isFinal(order.status)) return { status: 204, body: undefined };
    return {
      status: 200,
      headers: EVENT_STREAM_HEADERS,
      body: undefined,
      stream: (response) => follow(response, order, last?.id, context),
    };
  },
});

function follow(
  response: ServerResponse,
  order: z.output<typeof orderWithHistory>,
  last: number | undefined,
  { live: { streams, feed } }: RouteContext,
): void {
  const stream = streams.open(response, { onReady: () => feed.wake() });
  if (last === undefined) {
    stream.send(eventFrame('order', order.version, order));
    if (isFinal(order.status)) return stream.end();
  }
  const forget = feed.orders.add({
    key: order.id,
    position: last ?? order.version,
    isReady: () => stream.isReady(),
    take: (moves) => {
      for (const { told } of moves) stream.send(eventFrame('move', told.version, told));
      if (moves.some(({ told }) => isFinal(told.to))) stream.end();
    },
  });
  stream.onClose(forget);
  feed.wake();
}
