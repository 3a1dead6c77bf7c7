import type { Channel, ConsumeMessage } from 'amqplib';
import { keepSession, type Session } from '../../shared/messaging/session';
import { openPublisher, type Publisher, type PublishOutcome } from '../../shared/messaging/publisher';
import { EVENTS_EXCHANGE } from '../../shared/messaging/topology';
import { createLogger } from '../../shared/service/logger';
import { waitUntil } from '../../scripts/servers/wait-until';
import { pause } from './pause';
import type { Publishing } from './publishing';
import type { Random } from '../testbed/random';
import { shuffleQueue } from './shuffle-queue';

/** An event as it was seen on the exchange. */
export interface Seen {
  type: string;
  body: Buffer;
  properties: ConsumeMessage['properties'];
}

/** A client of the broker that is none of the mesh's, with rights that nobody should have. */
export interface Stranger {
  /** Events that it has overheard, oldest first. */
  readonly seen: readonly Seen[];
  /** Publishes, again until the broker has it or the time is up. @returns whether it has it for certain */
  publish(message: Publishing, signal: AbortSignal): Promise<boolean>;
  /** Takes messages out of a queue for a time, and puts them back in another order. @returns how many */
  reorder(queue: string, durationMs: number, random: Random, signal: AbortSignal): Promise<number>;
  /** A channel for as long as it lasts; undefined while the broker is away. */
  channel(): Channel | undefined;
  stop(): Promise<void>;
}

/** Its queue, which gets a copy of every event. */
export const CAPTURE = 'chaos-capture';
const MOST_SEEN = 4_000;
const CONFIRM_MS = 10_000;
const PUBLISH_TRIES = 20;
const REORDER_TRIES = 3;
const REORDER_WAITS = 30;

export async function startStranger(url: string): Promise<Stranger> {
  const seen: Seen[] = [];
  let open: { session: Session; channel: Channel; publisher: Publisher } | undefined;
  const keeper = keepSession({
    url,
    name: 'chaos',
    log: createLogger('chaos', 'silent'),
    setUp: async (session) => {
      const channel = await session.openChannel();
      // Not declared here: where it was deleted, the mesh itself has to make it again.
      await channel.assertQueue(CAPTURE, { durable: true, arguments: { 'x-max-length': MOST_SEEN } });
      await channel.bindQueue(CAPTURE, EVENTS_EXCHANGE, '#');
      const publisher = await openPublisher(session, CONFIRM_MS);
      const onMessage = (message: ConsumeMessage | null) => {
        if (!message) return session.fail(new Error('the queue is gone'));
        seen.push({
          type: message.fields.routingKey,
          body: message.content,
          properties: message.properties,
        });
        if (seen.length > MOST_SEEN) seen.splice(0, MOST_SEEN / 4);
      };
      await channel.consume(CAPTURE, onMessage, { noAck: true });
      open = { session, channel, publisher };
      session.onEnd(() => (open = undefined));
    },
  });
  await waitUntil(() => open ?? Promise.reject(new Error('not connected')), {
    what: 'RabbitMQ',
    timeoutMs: 20_000,
  });

  const once = async ({
    exchange,
    key,
    body,
    properties,
  }: Publishing): Promise<PublishOutcome['kind'] | 'away'> => {
    if (!open) return 'away';
    const { deliveryMode: _mode, ...kept } = properties as Record<string, unknown>;
    const message = { exchange, routingKey: key, body, properties: kept };
    return open.publisher.publish(message).then(
      ({ kind }) => kind,
      () => 'away' as const,
    );
  };
  const publish = async (message: Publishing, signal: AbortSignal) => {
    for (let tries = 0; tries < PUBLISH_TRIES && !signal.aborted; tries += 1) {
      if ((await once(message)) === 'routed') return true;
      await pause(500, signal);
    }
    return false;
  };

  return {
    seen,
    publish,
    reorder: async (queue, durationMs, random, signal) => {
      for (let tries = 0, waits = 0; tries < REORDER_TRIES && waits < REORDER_WAITS && !signal.aborted;) {
        if (!open) {
          waits += 1;
          await pause(1_000, signal);
          continue;
        }
        tries += 1;
        // A broker that goes away in the middle has all of it back in its queue.
        const moved = await shuffleQueue(open.session, queue, durationMs, random, once).catch(() => 0);
        if (moved > 0) return moved;
      }
      return 0;
    },
    channel: () => open?.channel,
    stop: () => keeper.stop(),
  };
}
