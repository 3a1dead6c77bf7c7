import type { ConsumeMessage } from 'amqplib';
import type { Session } from '../../shared/messaging/session';
import { pause } from './pause';
import type { Publishing } from './publishing';
import type { Random } from '../testbed/random';

const MOST_HELD = 80;

/**
 * Takes messages out of a queue for a time and puts them back in another order. Nothing can be lost: one is
 * acknowledged only when the broker has its copy.
 * @returns how many
 * @throws when the session ends first: what was held is in its queue again
 */
export async function shuffleQueue(
  session: Session,
  queue: string,
  durationMs: number,
  random: Random,
  publish: (message: Publishing) => Promise<string>,
): Promise<number> {
  const channel = await session.openChannel();
  const held: ConsumeMessage[] = [];
  await channel.prefetch(MOST_HELD);
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message) held.push(message);
  });
  const ended = new AbortController();
  session.onEnd(() => ended.abort());
  await pause(durationMs, ended.signal);
  await channel.cancel(consumerTag);
  let moved = 0;
  for (const message of random.shuffle(held)) {
    const { content: body, properties } = message;
    if ((await publish({ exchange: '', key: queue, body, properties })) !== 'routed') continue;
    channel.ack(message);
    moved += 1;
  }
  // One of its own, so that what is not acknowledged goes back; its end must not end the session.
  channel.removeAllListeners('close');
  await channel.close();
  return moved;
}
