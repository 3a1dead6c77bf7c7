import { eventTypes, type EventType } from '../../shared/events/contracts';
import { eventExamples } from '../../shared/events/examples';
import { newId } from '../../shared/ids';
import type { Random } from '../testbed/random';

/** An event before something is made bad of it. */
export type Draft = Record<string, unknown> & { type: EventType; data: Record<string, unknown> };

/** Real events, overheard while good orders flow: what is bad about an order has to name it. */
export interface Overheard {
  events: Draft[];
}

export const overheard: Overheard = { events: [] };

/**
 * A valid event of some type, with an id of its own or not; often about an order that is there. It draws as many numbers
 * whatever was overheard, so that a seed repeats all that follows.
 */
export function anyEvent(random: Random, type: EventType = random.pick(eventTypes)): Draft {
  const real = overheard.events.filter((event) => event.type === type);
  const [isReal, which, isCopy] = [random.chance(0.7), random.next(), random.chance(0.5)];
  const event = (isReal && real[Math.floor(which * real.length)]) || (eventExamples[type] as Draft);
  return structuredClone({ ...event, id: isCopy ? event.id : newId() });
}
