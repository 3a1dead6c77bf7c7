import { orderIdOf, type Event } from '../../shared/events/envelope';
import { newId } from '../../shared/ids';
import { afterCommit } from '../../shared/messaging/after-commit';
import { Prisma, type Tx } from '../../shared/service/database';
import { write } from '../../shared/service/transaction';
import { spanOf } from '../../shared/tracing/span-of-event';
import { waiting } from '../waiting';
import { compose } from './compose';

/** Stores what is to be written to the log about each event, once an event and audience, as one batch. */
export async function recordForLog(tx: Tx, events: Event[]): Promise<void> {
  const rows = events.flatMap((event) => {
    const span = spanOf(event);
    return compose(event).map(({ audience, title, text }) => ({
      id: newId(),
      event_id: event.id,
      event_source: event.source,
      event_type: event.type,
      audience,
      order_id: orderIdOf(event),
      menu_item_id: 'menu_item_id' in event.data ? event.data.menu_item_id : undefined,
      restaurant_id: (event.data as { restaurant_id: string }).restaurant_id,
      title,
      text,
      correlation_id: event.correlationid,
      traceparent: span?.traceparent,
      tracestate: span?.state,
    }));
  });
  if (rows.length === 0) return;
  const batchId = newId();
  await write(
    tx,
    Prisma.sql`
    WITH stored AS (
      INSERT INTO notifications (batch_id, id, event_id, event_source, event_type, audience, order_id, menu_item_id, restaurant_id, title, text, correlation_id, traceparent, tracestate)
      SELECT ${batchId}::uuid, n.* FROM json_to_recordset(${JSON.stringify(rows)}::json) AS n (id uuid, event_id uuid, event_source text, event_type text, audience text,
        order_id uuid, menu_item_id uuid, restaurant_id uuid, title text, text text, correlation_id text, traceparent text, tracestate text)
      ON CONFLICT (event_id, event_source, audience) DO NOTHING
      RETURNING 1)
    INSERT INTO notification_batches (id) SELECT ${batchId}::uuid WHERE EXISTS (SELECT FROM stored)`,
  );
  afterCommit(tx, () => waiting.log.give());
}
