import type { Span } from './span';

/** The handling of events that are in hand; beside them, because an event stays as it was published. */
const spans = new WeakMap<object, Span>();

/** The span of an event's handling here, where it is recorded. */
export const spanOf = (event: object): Span | undefined => spans.get(event);

export function handledUnder(event: object, span: Span): void {
  spans.set(event, span);
}
