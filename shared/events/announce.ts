import type { EventType, NewEventData } from './contracts';
import { spanOf } from '../tracing/span-of-event';
import type { TraceContext } from '../tracing/trace-context';
import type { Event } from './envelope';

/** An event that is to be written to the outbox: what it says and where it comes from, not yet its id and time. */
export interface Announcement<T extends EventType = EventType> {
  type: T;
  /** The order or item that it is about. */
  subject: string;
  data: NewEventData<T>;
  /** Where in a chain it stands. */
  origin: Origin;
}

/** What a chain of events shares: the originating request, and the last step before this one. */
export interface Origin {
  correlationid: string;
  causationid?: string;
  /** W3C Trace Context, as it came. */
  traceparent?: string;
  tracestate?: string;
  /** The work of this process that it stands in; where there is one, it counts instead. */
  within?: TraceContext;
}

/** The origin of whatever an event causes. */
export const causedBy = (event: Event): Origin => ({
  correlationid: event.correlationid,
  causationid: event.id,
  traceparent: event.traceparent,
  tracestate: event.tracestate,
  within: spanOf(event),
});

/** Says that something happened; the compiler checks the data against the type's contract. */
export const announce = <T extends EventType>(
  origin: Origin,
  type: T,
  subject: string,
  data: NewEventData<T>,
): Announcement<T> => ({ type, subject, data, origin });
