import { groupBy } from '../../shared/group-by';
import type { HookArrival } from './webhook-receiver';

/** Where webhooks are sent. */
export interface Endpoint {
  id: string;
  name: string;
  /** Null: it is the whole shop's. */
  restaurantId: string | null;
  /** None named: all. */
  types: readonly string[];
}

/** An event that was published while the endpoint was there. */
export interface LoggedEvent {
  id: string;
  type: string;
  subject: string;
  /** The order's after it; null where it is not of an order's own life. */
  version: number | null;
  /** Whose order or item it is about, by the tables of those. */
  restaurant_id: string | null;
}

/** What is on record about a delivery to the endpoint. */
export interface RecordedDelivery {
  event_id: string;
  status: string;
  attempts: number;
  last_error: string | null;
  /** It waited for an earlier one of its order that had not come. */
  held: boolean;
  created_at: number;
}

export interface Delivered {
  endpoint: Endpoint;
  log: readonly LoggedEvent[];
  deliveries: readonly RecordedDelivery[];
  /** Those at this endpoint, in the order in which they came. */
  arrivals: readonly HookArrival[];
  /** After so many it may be given up. */
  mostAttempts: number;
}

/** As long as the guide says that one waits for an earlier one. */
const HELD_MS = 180_000;

interface Known {
  event: LoggedEvent;
  delivery: RecordedDelivery | undefined;
  arrivals: readonly (HookArrival & { place: number })[];
}

/**
 * Holds what an endpoint got against what was published. Pure.
 * @returns what is wrong, in words; nothing when all is well
 */
export function judgeWebhooks(delivered: Delivered): string[] {
  const { endpoint, log, deliveries, mostAttempts } = delivered;
  const arrivals = groupBy(
    delivered.arrivals.map((arrival, place) => ({ ...arrival, place })),
    ({ eventId }) => eventId,
  );
  const recorded = groupBy(deliveries, ({ event_id }) => event_id);
  const known = log.filter(wantedBy(endpoint)).map((event) => ({
    event,
    delivery: recorded.get(event.id)?.[0],
    arrivals: arrivals.get(event.id) ?? [],
  }));
  const twice = [...recorded].filter(([, rows]) => rows.length > 1);
  return [
    ...judgeEach(delivered),
    ...twice.map(([id, rows]) => `has ${rows.length} deliveries of event ${id} on record`),
    ...known.flatMap((one) => judgeReach(one, mostAttempts)),
    ...[...groupBy(known, ({ event }) => event.subject).values()].flatMap((life) =>
      judgeSequence(life, mostAttempts),
    ),
  ].map((what) => `the ${endpoint.name}'s webhook ${what}`);
}

const wantedBy =
  ({ restaurantId, types }: Endpoint) =>
  ({ type, restaurant_id }: LoggedEvent) =>
    (types.length === 0 || types.includes(type)) && (!restaurantId || restaurantId === restaurant_id);

/** Whether it may be what it is, whatever else came. */
function judgeEach({ endpoint, log, arrivals }: Delivered): string[] {
  const events = new Map(log.map((event) => [event.id, event]));
  return arrivals.flatMap(({ eventId, webhookId, signed }) => {
    const wrong = signed ? [] : [`got event ${eventId} with a signature that is not good`];
    if (webhookId !== eventId) wrong.push(`got event ${eventId} under the id ${webhookId}`);
    const event = events.get(eventId);
    if (!event) wrong.push(`got event ${eventId}, which nobody has published`);
    else if (!wantedBy(endpoint)(event))
      wrong.push(
        `got ${event.type} (${eventId}) of restaurant ${event.restaurant_id}, which is none of its own`,
      );
    return wrong;
  });
}

function judgeReach({ event, delivery, arrivals }: Known, mostAttempts: number): string[] {
  const what = `${event.type} of ${event.subject} (${event.id})`;
  if (!delivery) return [`has no delivery of ${what} on record`];
  if (isGivenUp(delivery, mostAttempts)) return [];
  const { status, attempts, last_error } = delivery;
  if (status !== 'SENT') return [`has ${what} as ${status}: ${last_error}`];
  if (!arrivals.some(({ taken }) => taken)) return [`has ${what} on record as sent, and never took it`];
  // Again only where an attempt did not end; one that is given up for no fault of the receiver's is not counted.
  return arrivals.length > attempts && !last_error
    ? [`got ${what} ${arrivals.length} times in ${attempts} attempts`]
    : [];
}

/** One waits until the one before it was taken; what is sent again after a crash may come late. */
function judgeSequence(life: readonly Known[], mostAttempts: number): string[] {
  const inOrder = life
    .filter(({ event }) => event.version !== null)
    .sort((a, b) => a.event.version! - b.event.version!);
  return inOrder.flatMap((one, index) => {
    const [first] = one.arrivals;
    if (!first || isHeldOut(one)) return [];
    const overtaken = inOrder.slice(0, index).filter(({ delivery, arrivals }) => {
      const taken = arrivals.find((arrival) => arrival.taken);
      return !(taken && taken.place < first.place) && !isGivenUp(delivery, mostAttempts);
    });
    return overtaken.map(
      ({ event }) =>
        `got version ${one.event.version} of order ${event.subject} before it had taken version ${event.version}`,
    );
  });
}

export const isGivenUp = (delivery: RecordedDelivery | undefined, mostAttempts: number): boolean =>
  delivery?.status === 'FAILED' && delivery.attempts >= mostAttempts;

/** Whether it had waited for an earlier one for as long as one does. */
export const isHeldOut = ({ delivery, arrivals }: Pick<Known, 'delivery' | 'arrivals'>): boolean =>
  delivery?.held === true && arrivals[0] !== undefined && arrivals[0].at - delivery.created_at >= HELD_MS;
