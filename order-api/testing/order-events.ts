import { isEventType } from '../../shared/events/contracts';
import { parseMessage, type Event } from '../../shared/events/envelope';
import type { Database } from '../../shared/service/database';

/** The events about an order, as a consumer would read them. */
export async function eventsAbout(database: Database, orderId: string): Promise<Event[]> {
  const rows = await database.outboxEvent.findMany({ where: { subject: orderId }, orderBy: { seq: 'asc' } });
  return rows.map((row) => {
    const parsed = parseMessage(Buffer.from(JSON.stringify(row.body)), isEventType);
    if (!parsed.ok) throw new Error(`${parsed.reason}: ${parsed.error}`);
    const { id, type, correlationid } = parsed.event;
    expect(row).toMatchObject({ eventId: id, type, correlationId: correlationid });
    return parsed.event;
  });
}
