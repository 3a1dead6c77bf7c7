import type { ConfirmChannel, Options } from 'amqplib';
import { LateError } from '../service/within';
import type { Session } from './session';

/**
 * What became of a message: the broker has it (`routed`), it had no queue for it (`unroutable`), or
 * it would not take it (`refused`, with what it said). An `unencodable` one never left this process: amqplib cannot
 * write its headers or properties as AMQP, though it may have read them from there.
 */
export type PublishOutcome =
  { kind: 'routed' } | { kind: 'unroutable' } | { kind: 'refused'; error: string; unencodable?: true };

export interface OutgoingMessage {
  exchange: string;
  routingKey: string;
  body: Buffer;
  properties: Omit<Options.Publish, 'mandatory' | 'persistent'>;
}

export interface Publisher {
  /**
   * Publishes persistently and mandatorily, and waits for the broker's confirm.
   * @throws {LateError} when the time for it passed first, or the reason why the session ended: whether
   * the broker has it is unknown then
   */
  publish(message: OutgoingMessage): Promise<PublishOutcome>;
}

/**
 * Publishes a copy of a message whose headers may be a stranger's: where they cannot be written as AMQP, the copy goes
 * with `plainHeaders` in their place.
 */
export async function publishAsFarAsEncodable(
  publisher: Publisher,
  message: OutgoingMessage,
  plainHeaders: Record<string, unknown>,
): Promise<PublishOutcome> {
  const outcome = await publisher.publish(message);
  if (outcome.kind !== 'refused' || !outcome.unencodable) return outcome;
  return publisher.publish({ ...message, properties: { ...message.properties, headers: plainHeaders } });
}

interface InFlight {
  message: OutgoingMessage;
  returned: boolean;
  /** When to give up waiting for its confirm, on the clock of performance.now(). */
  until: number;
  fail: (error: Error) => void;
}

const LOOK_EVERY_MS = 250;

export interface PublisherOptions {
  /**
   * While the broker is in alarm, the time for a confirm stands still. What was sent is at the broker, unread, and is
   * taken when the alarm is over, also where the connection has ended meanwhile: sent again, it would come twice.
   */
  waitsOutAlarms?: boolean;
}

/** A publisher on its own confirm channel. The caller bounds how much is in flight. */
export async function openPublisher(
  session: Session,
  confirmTimeoutMs: number,
  { waitsOutAlarms = false }: PublisherOptions = {},
): Promise<Publisher> {
  const channel = await session.openConfirmChannel();
  // In the order of their times: one timer for all of them, where one each would be most of the cost.
  const waiting = new Set<InFlight>();
  let looking: NodeJS.Timeout | undefined;
  const look = () => {
    if (waiting.size === 0) return stopLooking();
    const now = performance.now();
    const standsStill = waitsOutAlarms && session.blocked;
    for (const message of waiting) {
      if (standsStill) {
        message.until = now + confirmTimeoutMs;
        continue;
      }
      if (message.until > now) break;
      message.fail(new LateError(`no confirm from RabbitMQ within ${confirmTimeoutMs} ms`));
    }
  };
  const stopLooking = () => {
    clearInterval(looking);
    looking = undefined;
  };

  // A message that no queue takes comes back before its confirm, which then says that all is well.
  // Messages of the same exchange, key and id are routed alike, so any of them may be the one meant.
  channel.on('return', ({ fields, properties }) => {
    const { exchange, routingKey } = fields as { exchange: string; routingKey: string };
    for (const entry of waiting) {
      const { message } = entry;
      if (entry.returned || message.properties.messageId !== properties.messageId) continue;
      if (message.routingKey !== routingKey || message.exchange !== exchange) continue;
      entry.returned = true;
      return;
    }
  });
  session.onEnd((reason) => {
    stopLooking();
    for (const message of waiting) message.fail(reason);
  });

  return {
    publish: (message) =>
      new Promise((resolve, reject) => {
        const settle = (finish: () => void) => {
          waiting.delete(entry);
          finish();
        };
        const entry: InFlight = {
          message,
          returned: false,
          until: performance.now() + confirmTimeoutMs,
          fail: (error) => settle(() => reject(error)),
        };
        if (!session.open) return entry.fail(new Error('the session has ended'));
        waiting.add(entry);
        looking ??= setInterval(look, LOOK_EVERY_MS).unref();
        const onConfirm = (error: unknown) =>
          settle(() => {
            if (isNack(error)) resolve({ kind: 'refused', error: 'the broker refused it (basic.nack)' });
            else if (error) reject(error as Error);
            else resolve(entry.returned ? { kind: 'unroutable' } : { kind: 'routed' });
          });
        try {
          send(channel, message, onConfirm);
        } catch (error) {
          // amqplib encodes before it writes: what cannot be encoded never left this process.
          settle(() =>
            session.open
              ? resolve({ kind: 'refused', error: (error as Error).message, unencodable: true })
              : reject(error as Error),
          );
        }
      }),
  };
}

// amqplib reports a nack and the end of the channel through the same callback.
const isNack = (error: unknown) => error instanceof Error && error.message === 'message nacked';

const send = (channel: ConfirmChannel, message: OutgoingMessage, onConfirm: (error: unknown) => void) =>
  channel.publish(
    message.exchange,
    message.routingKey,
    message.body,
    { ...message.properties, persistent: true, mandatory: true },
    onConfirm,
  );
