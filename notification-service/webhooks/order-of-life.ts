import { isEventType } from '../../shared/events/contracts';
import type { Event } from '../../shared/events/envelope';

// The events of an order's own life, in their order: each move but the last says from where it moved, and so which
// events there are before it.

const LIFE = [
  ['PLACED', 'order.placed.v1'],
  ['PREPARING', 'order.status.preparing.v1'],
  ['OUT_FOR_DELIVERY', 'order.status.out_for_delivery.v1'],
  ['DELIVERED', 'order.status.delivered.v1'],
  ['CANCELLED', 'order.cancelled.v1'],
] as const;

interface LifeData {
  order_version?: number;
  previous_status?: string;
}

/** As much of an event as says where in a life it stands. */
export type LifeEvent = { type: string; data: unknown };

export const lifeTypes: readonly string[] = LIFE.map(([, type]) => type);

export const isOfLife = ({ type }: Pick<Event, 'type'>): boolean => lifeTypes.includes(type);

/** Its place among the events of its order, by which they are sent; undefined where it has none. */
export function placeInLife(event: LifeEvent): number | undefined {
  if (!isEventType(event.type) || !isOfLife(event as Event)) return undefined;
  return (event.data as LifeData).order_version ?? lifeTypes.indexOf(event.type) + 1;
}

/** Whether all that happened to its order before it is among the types that are known. */
export function allBeforeIsKnown(event: LifeEvent, known: ReadonlySet<string>): boolean {
  if (event.type === 'order.placed.v1') return true;
  const { previous_status: previous } = event.data as LifeData;
  const last = LIFE.findIndex(([status]) => status === previous);
  // From a status that this version does not know, anything may have come before.
  return lifeTypes.slice(0, last + 1).every((type) => known.has(type));
}
