import type { Channel, ChannelModel } from 'amqplib';
import { briefly } from './failure';

/** Does something on a channel of its own: what the broker refuses closes it, and nothing else. */
export async function onLooseChannel<T>(
  connection: Pick<ChannelModel, 'createChannel'>,
  work: (channel: Channel) => PromiseLike<T>,
): Promise<T> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined); // the call below rejects with it
  try {
    return await work(channel);
  } finally {
    await (async () => channel.close())().catch(() => undefined); // it may be closed already
  }
}

/** What a queue holds ready and how many read it, as its leader says; undefined where there is none. */
export async function inspectQueue(
  connection: Pick<ChannelModel, 'createChannel'>,
  queue: string,
): Promise<{ messages: number; consumers: number } | undefined> {
  try {
    const found = await onLooseChannel(connection, (channel) => channel.checkQueue(queue));
    return { messages: found.messageCount, consumers: found.consumerCount };
  } catch (error) {
    if (/NOT[_-]FOUND/.test(briefly(error))) return undefined;
    throw error;
  }
}
