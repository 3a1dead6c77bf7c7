import type { Client } from 'pg';
import { toMessage } from '../../shared/messaging/event-message';
import type { Publisher } from '../../shared/messaging/publisher';
import { serviceNames, WORK_KEY } from '../../shared/messaging/topology';
import { pace } from '../command-line/pace';
import { UserError } from '../../scripts/servers/search';
import { readPage, startOf, type PastEvent, type Position, type Span } from './past-events';
import type { WaitingRoom } from './waiting-room';

/** How far it has come; kept up to date, also where it is cut off. */
export interface Sent {
  sent: number;
  /** Left out, as the service has handled them. */
  skipped: number;
  /** The last event that was confirmed or left out, with all before it. */
  position: Position;
}

export interface SendOptions {
  client: Client;
  publisher: Publisher;
  room: WaitingRoom;
  span: Span;
  rate: number;
  /** Events read and sent at a time. */
  pageSize: number;
  progress: (sent: Sent) => void;
  stopping: AbortSignal;
}

/**
 * Sends a span of the log to the service's own queue, in order, each page confirmed before the next.
 * @param result is brought up to date as it goes
 * @throws {UserError} when the service has no queue, or the queue refuses
 */
export async function sendEvents(result: Sent, options: SendOptions): Promise<void> {
  const { client, publisher, room, span, rate, pageSize, progress, stopping } = options;
  const names = serviceNames(span.service);
  const turn = pace(rate, stopping);

  const send = async (event: PastEvent) => {
    const outcome = await publisher.publish(
      toMessage(event, { exchange: names.exchange, routingKey: WORK_KEY }),
    );
    if (outcome.kind === 'unroutable')
      throw new UserError(`${span.service} has no queue: run npm run migrate first.`);
    if (outcome.kind === 'refused') throw new UserError(`${names.queue} takes no more: ${outcome.error}.`);
  };

  while (!stopping.aborted) {
    const page = await readPage(client, span, result.position, pageSize);
    if (page.length === 0) return;
    const wanted = page.filter((event) => !event.skip);
    if (wanted.length > 0) await room.roomFor(wanted.length);
    const underWay: Promise<void>[] = [];
    let last: PastEvent | undefined;
    let skipped = 0;
    for (const event of page) {
      if (!event.skip) await turn();
      if (stopping.aborted) break;
      last = event;
      if (event.skip) skipped++;
      else underWay.push(send(event));
    }
    await allOf(underWay);
    room.enter(wanted.slice(0, underWay.length).map((event) => event.event_id));
    result.sent += underWay.length;
    result.skipped += skipped;
    if (last) result.position = { at: last.published_at, seq: last.seq, eventId: last.event_id };
    progress(result);
  }
}

/** Waits for all of them, also where one fails early: nothing may be under way when it is told. */
async function allOf(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises))
    if (result.status === 'rejected') throw result.reason as Error;
}

export const nothingSent = (span: Span): Sent => ({ sent: 0, skipped: 0, position: startOf(span) });
