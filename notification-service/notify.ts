import type { Event } from '../shared/events/envelope';
import type { Tx } from '../shared/service/database';
import { recordNotifications, type NewNotification } from './delivery/record-notifications';
import { recordForLog } from './log/record-for-log';

/** What is to be sent about events over one of the channels. It records nothing itself. */
export type Recorder = (tx: Tx, events: Event[]) => Promise<NewNotification[]>;

/** Records what is to be told about each event: for the log, and for the channels. Telling is the delivery's part. */
export const notifyOver =
  (recorders: readonly Recorder[]) =>
  async (tx: Tx, events: Event[]): Promise<[]> => {
    await recordForLog(tx, events);
    for (const record of recorders) await recordNotifications(tx, await record(tx, events));
    return [];
  };
