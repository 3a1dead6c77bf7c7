import { judgeDelivery } from './judge-delivery';
import type { DeliveryRecord, EventRecord, FailureRecord, Records } from './records';
import type { TimelineConsumer, TimelineEvent, TimelineFailure } from './timeline';
import type { DeliveryState } from './wait-codes';

/**
 * The events, each under the one that caused it. Those whose cause is not here are the roots: what somebody asked for
 * over HTTP, what a deadline or the gateway brought, and what was caused by an event that is left out or no longer kept.
 */
export function causalTree(records: Records): TimelineEvent[] {
  const oldestFirst = [...records.events].reverse();
  const shown = new Map(oldestFirst.map((event) => [event.event_id, showEvent(records, event)]));
  const roots: TimelineEvent[] = [];
  for (const event of shown.values()) {
    const cause = shown.get(event.caused_by ?? '');
    if (!cause || isInCircle(event, shown)) roots.push(event);
    else {
      event.after_cause_ms = msBetween(new Date(cause.written_at), new Date(event.written_at));
      cause.caused.push(event);
    }
  }
  return roots;
}

/** Whether its causes lead back to it: nothing of the mesh's does, and it would hang on no root. */
function isInCircle(event: TimelineEvent, shown: ReadonlyMap<string, TimelineEvent>): boolean {
  let cause = shown.get(event.caused_by ?? '');
  for (let steps = 0; cause && steps < shown.size; steps++) {
    if (cause === event) return true;
    cause = shown.get(cause.caused_by ?? '');
  }
  return false;
}

function showEvent(records: Records, event: EventRecord): TimelineEvent {
  return {
    id: event.event_id,
    type: event.type,
    source: event.source ?? '',
    caused_by: event.causation_id,
    written_at: event.created_at.toISOString(),
    after_cause_ms: null,
    published_at: event.published_at?.toISOString() ?? null,
    publish_ms: event.published_at ? msBetween(event.created_at, event.published_at) : null,
    refused: event.next_attempt_at
      ? {
          attempts: event.attempts,
          error: event.last_error ?? '',
          next_attempt_at: event.next_attempt_at.toISOString(),
        }
      : null,
    consumers: consumersOf(records, event).map((service) => showConsumer(records, event, service)),
    caused: [],
  };
}

/** Those that take it, and those that have had it all the same: by a backfill, or before their subscription ended. */
function consumersOf({ deliveries, failures }: Records, { event_id }: EventRecord): string[] {
  const had = [...deliveries, ...failures].filter((row) => row.event_id === event_id);
  return [...new Set(had.map(({ consumer }) => consumer))].sort();
}

function showConsumer(records: Records, event: EventRecord, service: string): TimelineConsumer {
  const { state, delivery } = judgeDelivery(records, event, service);
  const failures = records.failures.filter(
    (one) => one.event_id === event.event_id && one.consumer === service,
  );
  return {
    service,
    state: state as DeliveryState, // it had it, so that it is not "not subscribed"
    attempts: attemptsOf(delivery, failures),
    handled_at: delivery?.processed_at?.toISOString() ?? null,
    handle_ms:
      delivery?.processed_at && event.published_at
        ? msBetween(event.published_at, delivery.processed_at)
        : null,
    failures: failures.map(showFailure).reverse(),
    failures_left_out: (failures[0]?.total ?? 0) - failures.length,
  };
}

const attemptsOf = (delivery: DeliveryRecord | undefined, failures: readonly FailureRecord[]): number =>
  Math.max(delivery?.attempts ?? 0, ...failures.map(({ attempt }) => attempt), 0);

const showFailure = ({
  failed_at,
  outcome,
  attempt,
  reason,
  error,
  retry_at,
}: FailureRecord): TimelineFailure => ({
  at: failed_at.toISOString(),
  outcome,
  attempt,
  reason,
  error,
  retry_at: retry_at?.toISOString() ?? null,
});

/** Never below 0: what is handled before the relay has noted the confirm, is handled at once. */
export const msBetween = (from: Date, to: Date): number => Math.max(0, to.getTime() - from.getTime());
