import { identityOf, type Event } from '../shared/events/envelope';
import type { Tx } from '../shared/service/database';
import { spanOf } from '../shared/tracing/span-of-event';
import { recordNotifications, type NewNotification } from './delivery/record-notifications';
import { recordForLog } from './log/record-for-log';

/** What is to be sent about events over one of the channels. It records nothing itself. */
export type Recorder = (tx: Tx, events: Event[]) => Promise<NewNotification[]>;

/** Sending belongs to the trace of the event that it is about. */
function withTraces(notifications: NewNotification[], events: Event[]): NewNotification[] {
  if (!events.some(spanOf)) return notifications;
  const spans = new Map(events.map((event) => [identityOf(event), spanOf(event)]));
  return notifications.map((one) => {
    const span = spans.get(identityOf({ id: one.eventId, source: one.eventSource }));
    return { ...one, traceparent: span?.traceparent, tracestate: span?.state };
  });
}

/** Records what is to be told about each event: for the log, and for the channels. Telling is the delivery's part. */
export const notifyOver =
  (recorders: readonly Recorder[]) =>
  async (tx: Tx, events: Event[]): Promise<[]> => {
    await recordForLog(tx, events);
    for (const record of recorders)
      await recordNotifications(tx, withTraces(await record(tx, events), events));
    return [];
  };
