import type { DeadLetter } from './dead-letter';

/** What a message has to be like; what is left out does not matter, and of several values one suffices. */
export interface Filter {
  types?: readonly string[];
  reasons?: readonly string[];
  order?: string;
  event?: string;
  /** In the queue since before this moment. A message that tells no time matches neither this nor the next. */
  before?: Date;
  /** In the queue since this moment or later. */
  after?: Date;
}

/** True when the message is all that the filter asks for. */
export function matches(filter: Filter, letter: DeadLetter): boolean {
  const { types, reasons, order, event, before, after } = filter;
  return (
    (!types || types.includes(letter.type ?? '')) &&
    (!reasons || reasons.includes(letter.reason)) &&
    (!before || (letter.since !== undefined && letter.since < before)) &&
    (!after || (letter.since !== undefined && letter.since >= after)) &&
    (!event || letter.eventId?.toLowerCase() === event.toLowerCase()) &&
    (!order || letter.isAbout(order))
  );
}
