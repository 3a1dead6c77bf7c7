import { briefly } from '../shared/messaging/failure';
import { CLOSED_BY, retryInMs, type OutboxRow, type Refusal } from './outbox-rows';

/**
 * Rows one of which may be what made the broker close the channel. They are published one at a time, with nothing else
 * in flight, until it is found. Those that are not in the outbox any more are no suspects.
 */
export type Suspects = Set<string>;

// What a message's own content can cause (AMQP 0-9-1, section 1.1.1): too large, a property that the broker refuses, a
// frame or a field that it cannot read, or that makes it fail. A missing exchange (404) or permission (403), an operator
// who closes connections (320) and resources that run out (506) are no message's doing.
const CONTENT_CODES = new Set([311, 406, 501, 502, 505, 540, 541]);

export const codeOf = (error: unknown): number | undefined => {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
};

/**
 * The session ended with these rows unanswered.
 * @returns what the one that did it is refused with, once it is known
 */
export function suspect(suspects: Suspects, rows: readonly OutboxRow[], error: Error): Refusal | undefined {
  if (!CONTENT_CODES.has(codeOf(error) ?? 0)) return undefined;
  const [only] = rows;
  if (rows.length === 1 && only && suspects.has(only.seq)) {
    suspects.clear();
    return { row: only, error: `${CLOSED_BY}${briefly(error)}`, retryInMs: retryInMs(only.attempts) };
  }
  for (const { seq } of rows) suspects.add(seq);
  return undefined;
}
