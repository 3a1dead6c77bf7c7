import type { ConsumerRecord, DeliveryRecord, EventRecord, FailureRecord, Records } from './records';
import type { DeliveryState } from './wait-codes';
import type { Pause } from '../service/pauses';

/** How an event stands with a consumer, and what tells so. */
export interface Standing {
  state: DeliveryState | 'not_subscribed';
  event: EventRecord;
  service: string;
  delivery?: DeliveryRecord;
  /** The last one. */
  failure?: FailureRecord;
  consumer?: ConsumerRecord;
  /** Where somebody has paused what is to happen to it next. */
  pause?: Pause;
}

/** A consumer's record is newer than that which it tells of by so much at most. */
const PROVEN_MS = 2_000;
/** A retry queue, and a replay, are given so long to bring back what they held: as in `createMissed`. */
const RETRY_GRACE_MS = 60_000;

/**
 * Judges by the tables alone, since who asks need not reach the broker: what is neither handled nor set aside, and was
 * published before everything that the consumer still has to do, did not reach it; and a consumer without a live
 * instance does nothing.
 */
export function judgeDelivery(records: Records, event: EventRecord, service: string): Standing {
  const about = <T extends { event_id: string; consumer: string }>(rows: readonly T[]) =>
    rows.find((row) => row.event_id === event.event_id && row.consumer === service);
  const delivery = about(records.deliveries);
  const failure = about(records.failures);
  const consumer = records.consumers.find((one) => one.consumer === service);
  const state = stateOf(records, event, delivery, failure, consumer);
  const pause = heldBy[state] && pauseOf(records, event.published_at ? service : 'outbox-publisher');
  return {
    state: pause ? 'paused' : state,
    pause,
    event,
    service,
    delivery,
    failure,
    consumer,
  };
}

export const pauseOf = ({ pauses }: Records, part: string) => pauses.find((one) => one.part === part);

/** What becomes of these is the work of a service, or of the relay; of the others people decide, or nobody has to. */
const heldBy: { [S in Standing['state']]?: true } = {
  relay_away: true,
  publishing_refused: true,
  not_published: true,
  queued: true,
  service_away: true,
  crashing: true,
  retrying: true,
  missed: true,
};

function stateOf(
  records: Records,
  event: EventRecord,
  delivery: DeliveryRecord | undefined,
  failure: FailureRecord | undefined,
  consumer: ConsumerRecord | undefined,
): Standing['state'] {
  const now = records.order.now.getTime();
  if (delivery?.processed_at) return 'handled';
  if (!event.published_at) {
    // What was refused may be due, and nobody there to try it again.
    const isPostponed =
      event.next_attempt_at && (records.relayIsAtWork || event.next_attempt_at.getTime() > now);
    if (isPostponed) return 'publishing_refused';
    return records.relayIsAtWork ? 'not_published' : 'relay_away';
  }
  if (failure?.outcome === 'DEAD_LETTERED') return 'dead_letter';
  if (failure?.outcome === 'DISCARDED') return 'discarded';
  const backAt = failure?.retry_at?.getTime();
  if (backAt !== undefined && backAt > now) return 'retrying';
  if (!delivery && !failure) return 'not_subscribed';
  if (event.event_id < records.keptFrom) return 'not_kept';
  // Begun again, so that it has died with it before.
  if (delivery?.starts && delivery.starts > 1) return 'crashing';
  if (!consumer?.live) return 'service_away';
  const provenFrom =
    backAt === undefined ? event.published_at.getTime() + PROVEN_MS : backAt + RETRY_GRACE_MS;
  return consumer.reached && consumer.reached.getTime() > provenFrom ? 'missed' : 'queued';
}
