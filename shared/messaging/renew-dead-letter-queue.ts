import type { Channel, ChannelModel, GetMessage } from 'amqplib';
import { attributeHeaders } from '../events/message-modes';
import { copiedProperties, ownHeadersOf, withoutRouting } from './dead-letter';
import { briefly } from './failure';
import { openPublisher, publishAsFarAsEncodable, type Publisher, type PublishOutcome } from './publisher';
import { openSession } from './session';
import { DEAD_LETTER_KEY, deadLetterArguments, isOtherForm, serviceNames } from './topology';

const CONFIRM_TIMEOUT_MS = 30_000;
const WINDOW = 200;
const ATTEMPTS = 5;

/** A dead-letter queue could not be given its new form; its dead letters are safe, and the message says where. */
export class DeadLetterQueueInTheWay extends Error {
  override name = 'DeadLetterQueueInTheWay';
}

/**
 * Gives the dead-letter queue of a service, where an older version declared it, the form of today. RabbitMQ cannot
 * change a declared queue, so its messages wait in another one while it is deleted and declared anew:
 *
 *     bind <service>.dlq.moving ─▶ unbind the old queue ─▶ move ─▶ delete, declare, bind ─▶ move back ─▶ delete .moving
 *
 * New dead letters have a queue at every moment. Cut off anywhere, it goes on where it was when it is called again. A
 * message that moves twice, or comes in through a binding that an older instance restores, may be there twice; handling
 * a dead letter twice has no effect.
 * @returns how many dead letters were moved; undefined where there was nothing to do
 * @throws {DeadLetterQueueInTheWay}
 */
export async function renewDeadLetterQueue(
  connection: ChannelModel,
  service: string,
): Promise<number | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await renewOnce(connection, service);
    } catch (error) {
      // An older instance has declared it in its own way, just when it was gone.
      if (!isOtherForm(error, service) || attempt >= ATTEMPTS) throw error;
    }
  }
}

async function renewOnce(connection: ChannelModel, service: string): Promise<number | undefined> {
  const { exchange, deadLetterQueue: queue } = serviceNames(service);
  const moving = `${queue}.moving`;
  const declared = { durable: true, arguments: deadLetterArguments('refusing') };
  const isOld = await trying(connection, (channel) => channel.assertQueue(queue, declared)).then(
    () => false,
    (error: unknown) => {
      if (isOtherForm(error, service)) return true;
      throw error;
    },
  );
  const wasCutOff = (await inspect(connection, moving)) !== undefined;
  if (!isOld && !wasCutOff) return undefined;

  const { session } = openSession(connection);
  const channel = await session.openChannel();
  const publisher = await openPublisher(session, CONFIRM_TIMEOUT_MS);
  await channel.assertExchange(exchange, 'direct', { durable: true });
  let moved = 0;
  if (isOld) {
    await assertUnread(connection, queue);
    await channel.assertQueue(moving, declared);
    await channel.bindQueue(moving, exchange, DEAD_LETTER_KEY);
    await channel.unbindQueue(queue, exchange, DEAD_LETTER_KEY);
    moved = await moveAll(channel, publisher, queue, moving);
    await channel.deleteQueue(queue);
    await channel.assertQueue(queue, declared);
  }
  await channel.bindQueue(queue, exchange, DEAD_LETTER_KEY);
  await channel.unbindQueue(moving, exchange, DEAD_LETTER_KEY);
  moved = Math.max(moved, await moveAll(channel, publisher, moving, queue));
  await channel.deleteQueue(moving);
  return moved;
}

/** Moves every message, oldest first; each leaves its queue only when the broker has it in the other one. */
async function moveAll(channel: Channel, publisher: Publisher, from: string, to: string): Promise<number> {
  for (let moved = 0; ;) {
    const window: GetMessage[] = [];
    while (window.length < WINDOW) {
      const message = await channel.get(from);
      if (!message) break;
      window.push(message);
    }
    if (window.length === 0) return moved;
    const outcomes = await Promise.all(window.map((message) => copy(publisher, message, to)));
    window.forEach((message, n) => outcomes[n]?.kind === 'routed' && channel.ack(message));
    const failed = outcomes.find(({ kind }) => kind !== 'routed');
    if (failed) {
      channel.nackAll(true);
      const why = failed.kind === 'refused' ? failed.error : 'the queue is gone';
      throw new DeadLetterQueueInTheWay(
        `Dead letters cannot be moved from ${from} to ${to}: ${why}. They wait in ${from}. ` +
          `Is there a policy with a limit on ${to}? Remove it, and run npm run migrate again.`,
      );
    }
    moved += window.length;
  }
}

/** As it is; without foreign headers that cannot be written again. */
const copy = (publisher: Publisher, message: GetMessage, to: string): Promise<PublishOutcome> =>
  publishAsFarAsEncodable(
    publisher,
    {
      exchange: '',
      routingKey: to,
      body: message.content,
      properties: { ...copiedProperties(message), headers: withoutRouting(message.properties.headers) },
    },
    { ...attributeHeaders(message.properties.headers), ...ownHeadersOf(message) },
  );

/** Deleting a queue loses what somebody else holds of it. */
async function assertUnread(connection: ChannelModel, queue: string): Promise<void> {
  const found = await inspect(connection, queue);
  if (found && found.consumers > 0)
    throw new DeadLetterQueueInTheWay(
      `${queue} is being read by another command and cannot be changed now. End it, and run npm run migrate again.`,
    );
}

async function inspect(connection: ChannelModel, queue: string): Promise<{ consumers: number } | undefined> {
  try {
    const { consumerCount } = await trying(connection, (channel) => channel.checkQueue(queue));
    return { consumers: consumerCount };
  } catch (error) {
    if (/NOT[_-]FOUND/.test(briefly(error))) return undefined;
    throw error;
  }
}

/** On a channel of its own: what the broker refuses closes it. */
async function trying<T>(connection: ChannelModel, work: (channel: Channel) => PromiseLike<T>): Promise<T> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined); // the call below rejects with it
  const result = await work(channel);
  await channel.close();
  return result;
}
