import { eventData } from '../events/contracts';
import type { Announcement } from '../events/announce';
import { asWriter } from '../events/growing';
import type { Event } from '../events/envelope';
import { newId } from '../ids';
import { Prisma, type Tx } from '../service/database';
import { write } from '../service/transaction';
import { traceNewEvent } from '../tracing/trace-new-event';
import { wakeRelay } from './wake-relay';

/**
 * Makes the CloudEvents for what a service announces: ids in the order given, and the data as the
 * contract has it.
 * @param service the announcing service's name; becomes the `source`
 * @throws {ZodError} when the data is not what its contract says, or has a value that is not known here: a bug in
 * the announcer
 */
export function makeEvents(service: string, announcements: readonly Announcement[]): Event[] {
  const time = new Date().toISOString();
  return announcements.map(({ type, subject, data, origin }) => {
    const id = newId();
    return {
      specversion: '1.0',
      id,
      source: `/${service}`,
      type,
      subject,
      time,
      datacontenttype: 'application/json',
      correlationid: origin.correlationid,
      causationid: origin.causationid,
      ...traceNewEvent(origin, { id, type, subject }),
      data: asWriter(() => eventData[type].parse(data)),
    };
  }) as Event[];
}

/**
 * The INSERT that puts events into the outbox in the order given, for use alone or as the part of a
 * larger statement. It must be the last of a transaction's writes about these orders: the sequence
 * number that fixes their order of publication is drawn here, under the locks taken before. It wakes the relay.
 * @param which a WHERE over the rows `e`, where the statement itself decides which of them are to be written
 */
export function insertIntoOutbox(events: readonly Event[], which: Prisma.Sql = Prisma.empty): Prisma.Sql {
  const rows = events.map((event) => ({
    event_id: event.id,
    type: event.type,
    subject: event.subject,
    correlation_id: event.correlationid,
    causation_id: event.causationid,
    body: event,
  }));
  // Whoever writes nothing, as a check of the rights does, wakes nobody.
  const [wake, andWake] =
    rows.length > 0
      ? [Prisma.sql`WITH wake AS MATERIALIZED (${wakeRelay})`, Prisma.sql`CROSS JOIN wake`]
      : [Prisma.empty, Prisma.empty];
  return Prisma.sql`
    INSERT INTO outbox_events (event_id, type, subject, correlation_id, causation_id, body) ${wake}
    SELECT event_id, type, subject, correlation_id, causation_id, body
    FROM json_to_recordset(${JSON.stringify(rows)}::json)
      AS e (event_id uuid, type text, subject text, correlation_id text, causation_id uuid, body json)
      ${andWake} ${which}`;
}

/** Announces: makes the events and writes them to the outbox within the caller's transaction. */
export async function writeOutbox(
  tx: Tx,
  service: string,
  announcements: readonly Announcement[],
): Promise<Event[]> {
  if (announcements.length === 0) return [];
  const events = makeEvents(service, announcements);
  await write(tx, insertIntoOutbox(events));
  return events;
}
