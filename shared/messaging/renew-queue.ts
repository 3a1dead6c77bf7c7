import type { Channel, ChannelModel, GetMessage } from 'amqplib';
import { attributeHeaders } from '../events/message-modes';
import { copiedProperties, ownHeadersOf, withoutDeaths, withoutRouting } from './dead-letter';
import { inspectQueue, onLooseChannel } from './loose-channel';
import { openPublisher, publishAsFarAsEncodable, type Publisher, type PublishOutcome } from './publisher';
import { openSession } from './session';
import { otherwiseDeclared, type QueueDeclaration } from './topology';

const CONFIRM_TIMEOUT_MS = 30_000;
const WINDOW = 200;
const ATTEMPTS = 5;
const MOVING_ARGUMENTS = { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000_000 };

/** A queue could not be given its new form; its messages are safe, and the message says where. */
export class QueueInTheWay extends Error {
  override name = 'QueueInTheWay';
}

/** It is read by somebody just now. */
export class QueueIsRead extends QueueInTheWay {
  override name = 'QueueIsRead';
}

/** Whether a queue is there with other arguments than these, or was left half-way by a renewal that was cut off. */
export async function needsRenewal(
  connection: ChannelModel,
  declaration: QueueDeclaration,
): Promise<boolean> {
  return (await isOther(connection, declaration)) || (await isHalfWay(connection, declaration));
}

/**
 * Gives a queue that was declared with other arguments, by another version or by hand, those of today. RabbitMQ cannot
 * change a declared queue, so its messages wait in another one while it is deleted and declared anew:
 *
 *     bind <queue>.moving ─▶ unbind the old queue ─▶ move ─▶ delete, declare, bind ─▶ move back ─▶ delete .moving
 *
 * New messages have a queue at every moment. Cut off anywhere, it goes on where it was when it is called again. A
 * message that moves twice, or comes in through a binding that an instance restores, may be there twice; handling it
 * twice has no effect. In a retry queue, a message's delay begins anew.
 * @returns how many messages were moved; undefined where there was nothing to do
 * @throws {QueueInTheWay}
 * @throws {QueueIsRead} while somebody reads it: deleting it would lose what they hold
 */
export async function renewQueue(
  connection: ChannelModel,
  declaration: QueueDeclaration,
): Promise<number | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await renewOnce(connection, declaration);
    } catch (error) {
      // An older instance has declared it in its own way, just when it was gone.
      if (otherwiseDeclared(error) !== declaration.queue || attempt >= ATTEMPTS) throw error;
    }
  }
}

async function renewOnce(
  connection: ChannelModel,
  declaration: QueueDeclaration,
): Promise<number | undefined> {
  const { queue, bindings } = declaration;
  const isOld = await isOther(connection, declaration);
  if (!isOld && !(await isHalfWay(connection, declaration))) return undefined;

  const moving = movingOf(queue);
  // What goes on from there is not to be taken for a cycle; dead letters keep what the broker wrote of them.
  const goesOn = 'x-dead-letter-exchange' in declaration.arguments;
  const declared = { durable: true, arguments: declaration.arguments };
  const { session } = openSession(connection);
  const channel = await session.openChannel();
  const publisher = await openPublisher(session, CONFIRM_TIMEOUT_MS);
  const bind = async (name: string) => {
    for (const { exchange, key } of bindings) await channel.bindQueue(name, exchange, key);
  };
  const unbind = async (name: string) => {
    for (const { exchange, key } of bindings) await channel.unbindQueue(name, exchange, key);
  };
  let moved = 0;
  if (isOld) {
    await assertUnread(connection, queue);
    await channel.assertQueue(moving, { durable: true, arguments: MOVING_ARGUMENTS });
    await bind(moving);
    await unbind(queue);
    moved = await moveAll(channel, publisher, queue, moving, goesOn);
    await assertUnread(connection, queue);
    await channel.deleteQueue(queue);
  }
  await channel.assertQueue(queue, declared);
  await bind(queue);
  await unbind(moving);
  moved = Math.max(moved, await moveAll(channel, publisher, moving, queue, goesOn));
  await channel.deleteQueue(moving);
  return moved;
}

const movingOf = (queue: string) => `${queue}.moving`;

const isHalfWay = async (connection: ChannelModel, { queue }: QueueDeclaration) =>
  (await inspectQueue(connection, movingOf(queue))) !== undefined;

/** It is only looked at where it is there: nothing is declared by asking. */
async function isOther(connection: ChannelModel, declaration: QueueDeclaration): Promise<boolean> {
  const { queue, arguments: wanted } = declaration;
  if (!(await inspectQueue(connection, queue))) return false;
  return onLooseChannel(connection, (channel) =>
    channel.assertQueue(queue, { durable: true, arguments: wanted }),
  ).then(
    () => false,
    (error: unknown) => {
      if (otherwiseDeclared(error) === queue) return true;
      throw error;
    },
  );
}

/** Moves every message, oldest first; each leaves its queue only when the broker has it in the other one. */
async function moveAll(
  channel: Channel,
  publisher: Publisher,
  from: string,
  to: string,
  goesOn: boolean,
): Promise<number> {
  for (let moved = 0; ;) {
    const window: GetMessage[] = [];
    while (window.length < WINDOW) {
      const message = await channel.get(from);
      if (!message) break;
      window.push(message);
    }
    if (window.length === 0) return moved;
    const outcomes = await Promise.all(window.map((message) => copy(publisher, message, to, goesOn)));
    window.forEach((message, n) => outcomes[n]?.kind === 'routed' && channel.ack(message));
    const failed = outcomes.find(({ kind }) => kind !== 'routed');
    if (failed) {
      channel.nackAll(true);
      const why = failed.kind === 'refused' ? failed.error : 'the queue is gone';
      throw new QueueInTheWay(
        `Messages cannot be moved from ${from} to ${to}: ${why}. They wait in ${from}. ` +
          `Is there a policy with a limit on ${to}? Remove it, and run npm run migrate again.`,
      );
    }
    moved += window.length;
  }
}

/** As it is; without foreign headers that cannot be written again. */
function copy(
  publisher: Publisher,
  message: GetMessage,
  to: string,
  goesOn: boolean,
): Promise<PublishOutcome> {
  const all = withoutRouting(message.properties.headers);
  const headers = goesOn ? withoutDeaths(all) : all;
  return publishAsFarAsEncodable(
    publisher,
    {
      exchange: '',
      routingKey: to,
      body: message.content,
      properties: { ...copiedProperties(message), headers },
    },
    { ...attributeHeaders(message.properties.headers), ...ownHeadersOf(message) },
  );
}

/** Deleting a queue loses what somebody else holds of it. */
async function assertUnread(connection: ChannelModel, queue: string): Promise<void> {
  const found = await inspectQueue(connection, queue);
  if (found && found.consumers > 0)
    throw new QueueIsRead(
      `${queue} is being read by another command and cannot be changed now. End it, and run npm run migrate again.`,
    );
}
