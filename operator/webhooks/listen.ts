import { once } from 'node:events';
import type { ConsumeMessage } from 'amqplib';
import { eventTypes, isEventType, type EventType } from '../../shared/events/contracts';
import { parseMessage, type Event } from '../../shared/events/envelope';
import { EVENTS_EXCHANGE } from '../../shared/messaging/topology';
import type { Post } from '../../notification-service/webhooks/post';
import { webhookIdOf } from '../../notification-service/webhooks/record-webhooks';
import { signedHeaders } from '../../notification-service/webhooks/sign';
import type { Broker } from '../command-line/broker';
import { oneLine } from '../command-line/table';

export interface Listening {
  forwardTo: string | undefined;
  types: readonly EventType[];
  restaurantId: string | undefined;
  secret: string;
  json: boolean;
  post: Post;
  print: (text: string) => void;
  stopping: AbortSignal;
}

/** A receiver that is stopped in a debugger may let so many wait; of more, the oldest are lost. */
const MOST_WAITING = 10_000;

/**
 * Shows events as they happen and forwards them, one after the other, until it is told to stop. The queue is this
 * connection's own: it goes with it, however that ends.
 */
export async function listen(broker: Broker, listening: Listening, ready: () => void): Promise<void> {
  const channel = await broker.openChannel();
  const { queue } = await channel.assertQueue('', {
    exclusive: true,
    autoDelete: true,
    arguments: { 'x-max-length': MOST_WAITING },
  });
  for (const type of listening.types.length > 0 ? listening.types : eventTypes)
    await channel.bindQueue(queue, EVENTS_EXCHANGE, type);
  await channel.prefetch(1);
  await channel.consume(queue, (message) => {
    if (!message) return broker.session.fail(new Error('RabbitMQ took the queue away'));
    void tell(message, listening)
      .then((line) => line === undefined || listening.print(line))
      .then(() => channel.ack(message))
      .catch((error: unknown) => broker.session.fail(error));
  });
  ready();
  if (!listening.stopping.aborted) await once(listening.stopping, 'abort');
}

/** @returns what is printed of it; undefined where it is another restaurant's */
async function tell(message: ConsumeMessage, listening: Listening): Promise<string | undefined> {
  const parsed = parseMessage(message.content, isEventType, message.properties);
  if (!parsed.ok) return `${now()}  ${oneLine(`not an event: ${parsed.error}`)}`;
  const { event } = parsed;
  const { restaurant_id } = event.data as { restaurant_id?: string };
  if (listening.restaurantId !== undefined && restaurant_id !== listening.restaurantId) return undefined;
  const outcome = listening.forwardTo ? await forward(event, listening.forwardTo, listening) : '';
  if (listening.json) return JSON.stringify(event);
  return oneLine(`${now()}  ${event.type.padEnd(34)} ${event.subject}${outcome}`);
}

async function forward(event: Event, url: string, { post, secret, stopping }: Listening): Promise<string> {
  const body = JSON.stringify(event);
  const headers = {
    'content-type': 'application/json',
    ...signedHeaders([secret], webhookIdOf(event.id, event.source), body),
  };
  const from = performance.now();
  try {
    const { status } = await post(url, headers, body, stopping);
    return `  ${status} in ${Math.round(performance.now() - from)} ms`;
  } catch (error) {
    return `  not forwarded: ${(error as Error).message}`;
  }
}

const now = () => new Date().toISOString().slice(11, 23);
