import { performance } from 'node:perf_hooks';
import type { Client } from 'pg';
import { LateError } from '../shared/service/within';
import type { Answer, Flight } from './flight';
import type { Nacks } from './nacks';
import { countPublished } from './relay-metrics';
import { retryInMs, subscribedAmong, type OutboxRow } from './outbox-rows';
import type { Suspects } from './suspects';
import type { Unmarked } from './unmarked';

export interface Judge {
  client: Client;
  flight: Flight;
  unmarked: Unmarked;
  suspects: Suspects;
  nacks: Nacks;
  /** Rows that were returned and not routed since: those in hand, which a window bounds. */
  cameBack: Set<string>;
  /** When the broker last answered anything, on the clock of performance.now(). */
  answeredAt: number;
}

// A broker that confirms others within this time is alive.
const SILENCE_MS = 5_000;
// Its queue is declared again within seconds.
const NO_QUEUE = 'no queue took it, though a service subscribes to its type';
const REFUSED_AGAIN =
  'an event was refused (basic.nack) again and again: its next attempt is on a new channel';
const LONGEST_WITHOUT_QUEUE_MS = 5_000;

/**
 * Decides of each answer what becomes of the row: published, refused, or kept in hand. Nothing is written yet.
 * @returns the error that the broker is lost by, if it is
 */
export async function judgeAnswers(judge: Judge, answers: readonly Answer[]): Promise<Error | undefined> {
  const { flight, unmarked, suspects } = judge;
  if (answers.some((answer) => 'outcome' in answer)) judge.answeredAt = performance.now();
  const routed = new Set<string>();
  const unroutable: OutboxRow[] = [];
  let broken: Error | undefined;
  for (const answer of answers) {
    const { row } = answer;
    if ('error' in answer) {
      if (!isItsOwnFault(answer.error, judge.answeredAt)) {
        broken ??= answer.error;
        continue; // whether the broker has it is unknown
      }
      flight.awaiting.delete(row.seq);
      countPublished(row.type, 'refused');
      unmarked.refused({ row, error: answer.error.message, retryInMs: retryInMs(row.attempts) });
    } else if (answer.outcome.kind === 'routed') {
      unmarked.published(row);
      countPublished(
        row.type,
        judge.cameBack.delete(row.seq) || row.attempts > 0 ? 'republished' : 'published',
      );
      routed.add(row.type);
      judge.nacks.taken();
    } else if (answer.outcome.kind === 'refused') {
      if (!answer.outcome.unencodable) judge.nacks.nacked(row.attempts);
      countPublished(row.type, 'refused');
      unmarked.refused({ row, error: answer.outcome.error, retryInMs: retryInMs(row.attempts) });
    } else unroutable.push(row);
    suspects.delete(row.seq);
  }
  // In this order: what was routed before the first came back says nothing of the broker's state after.
  judgeReturned(judge, routed);
  if (unroutable.length > 0) await judgeUnroutable(judge, unroutable);
  const channel = { openedAt: flight.openedAt, isIdle: flight.awaiting.size === 0 };
  if (judge.nacks.suspects(channel)) broken ??= new Error(REFUSED_AGAIN);
  return broken;
}

/** Silence about one message, while others are confirmed, is that message's trouble; any other error is the broker's. */
const isItsOwnFault = (error: Error, answeredAt: number) =>
  error instanceof LateError && performance.now() - answeredAt < SILENCE_MS;

async function judgeUnroutable(
  { client, flight, unmarked, cameBack }: Judge,
  rows: readonly OutboxRow[],
): Promise<void> {
  const wanted = await subscribedAmong(client, [...new Set(rows.map((row) => row.type))]);
  for (const row of rows) {
    if (wanted.has(row.type)) {
      countPublished(row.type, 'returned');
      cameBack.add(row.seq);
      flight.returned.add(row);
    } else {
      countPublished(row.type, 'published'); // nobody subscribes to it: published is published
      unmarked.published(row);
    }
  }
}

function judgeReturned(judge: Judge, routed: ReadonlySet<string>): void {
  const { flight, unmarked } = judge;
  if (flight.returned.size === 0) return;
  for (const type of routed)
    for (const { seq } of flight.returned.routed(type)) if (!unmarked.has(seq)) flight.forget(seq); // to be read again, in its order
  for (const row of flight.returned.stuck()) {
    const wait = Math.min(LONGEST_WITHOUT_QUEUE_MS, retryInMs(row.attempts));
    judge.cameBack.delete(row.seq);
    unmarked.refused({ row, error: NO_QUEUE, retryInMs: wait });
  }
}
