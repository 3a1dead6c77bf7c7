import { performance } from 'node:perf_hooks';
import { toMessage } from '../shared/messaging/event-message';
import type { Publisher, PublishOutcome } from '../shared/messaging/publisher';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { LARGEST_BODY, type OutboxRow } from './outbox-rows';
import { createReturned, type Returned } from './returned';
import { endSending, endUnanswered, traceHeaders, traceSending } from './trace-sending';

export type Answer = { row: OutboxRow } & ({ outcome: PublishOutcome } | { error: Error });

/**
 * What is in flight on one session with the broker. It outlives the connection to the database: what was published
 * before that broke is not published again after.
 */
export interface Flight {
  /** Published, or about to be, and neither marked nor postponed: in the order of publication. */
  rows: Map<string, OutboxRow>;
  /** Those of them that the broker has not answered about. */
  awaiting: Set<string>;
  returned: Returned;
  /** On the clock of performance.now(). */
  openedAt: number;
  publish(row: OutboxRow): void;
  /** Takes the answers that have come since the last time. */
  take(): Answer[];
  answered(): boolean;
  /** How many have come since then. */
  answers(): number;
  /** How long ago the first of them came, in milliseconds; 0 where there is none. */
  answeredForMs(): number;
  /** Resolves at the next answer. */
  next(): Promise<void>;
  forget(seq: string): void;
}

/** @param window publishes awaiting their confirm at most */
export function createFlight(publisher: Publisher, window: number): Flight {
  const rows = new Map<string, OutboxRow>();
  const awaiting = new Set<string>();
  const returned = createReturned(window / 2);
  let answers: Answer[] = [];
  let answeredAt = 0;
  let wake: () => void = () => undefined;

  const answer = (given: Answer) => {
    if (!awaiting.has(given.row.seq)) return; // it is not this relay's any more
    if ('outcome' in given) awaiting.delete(given.row.seq);
    if (answers.push(given) === 1) answeredAt = performance.now();
    wake();
  };

  return {
    rows,
    awaiting,
    returned,
    openedAt: performance.now(),
    publish: (row) => {
      rows.set(row.seq, row);
      awaiting.add(row.seq);
      const span = (row.span = traceSending(row));
      send(publisher, row, traceHeaders(span)).then(
        (outcome) => {
          endSending(span, outcome);
          answer({ row, outcome });
        },
        (error: Error) => {
          endUnanswered(span, error);
          answer({ row, error });
        },
      );
    },
    take: () => {
      const taken = answers;
      answers = [];
      return taken;
    },
    answered: () => answers.length > 0,
    answers: () => answers.length,
    answeredForMs: () => (answers.length > 0 ? performance.now() - answeredAt : 0),
    next: () => new Promise<void>((resolve) => (wake = resolve)),
    forget: (seq) => {
      rows.delete(seq);
      awaiting.delete(seq);
      returned.forget(seq);
    },
  };
}

function send(
  publisher: Publisher,
  row: OutboxRow,
  headers: Record<string, unknown> | undefined,
): Promise<PublishOutcome> {
  try {
    const { body } = row;
    if (body === null) throw new Error(`its body is larger than ${LARGEST_BODY / 1024 / 1024} MiB`);
    return publisher.publish(
      toMessage({ ...row, body }, { exchange: EVENTS_EXCHANGE, routingKey: row.type }, headers),
    );
  } catch (error) {
    // A time that no message can carry, say: it is this row's trouble, and no reason to stop.
    return Promise.resolve({ kind: 'refused', error: (error as Error).message });
  }
}
