import { z } from 'zod';
import { badParameters, type Problem } from '../http/problem';

/** An event id that a client names, and where it named it. */
export interface NamedEventId {
  id: number;
  /** Tells that it cannot be gone on from. */
  refuse(detail: string): Problem;
}

const WHOLE = /^(0|[1-9]\d{0,14})$/;

/** `?last_event_id=`: for the first connection of an EventSource, which cannot set a header. */
export const lastEventId = (what: string) =>
  z
    .string()
    .refine((value) => WHOLE.test(value), { error: mustBe(what) })
    .optional()
    .meta({ description: `As \`Last-Event-ID\`, which comes first: ${what}` });

const mustBe = (what: string) => `must be ${what}`;

/**
 * The event that a client has had last. The header comes first: an EventSource sends it when it connects again, to an
 * address that still says where it began. An empty one is none.
 * @throws {Problem} 400 where the header is no such id; the query has been checked before
 */
export function namedEventId(
  given: { header: string | undefined; query: string | undefined },
  what: string,
): NamedEventId | undefined {
  const place = given.header ? 'header' : 'query';
  const value = given.header || given.query;
  if (!value) return undefined;
  const pointer = place === 'header' ? '#/last-event-id' : '#/last_event_id';
  const refuse = (detail: string) => badParameters([{ pointer, detail, in: place }]);
  if (!WHOLE.test(value)) throw refuse(mustBe(what));
  return { id: Number(value), refuse };
}
