import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from 'pg';
import { toMessage } from '../shared/messaging/event-message';
import type { Publisher, PublishOutcome } from '../shared/messaging/publisher';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { LateError } from '../shared/service/within';
import type { Logger } from '../shared/service/logger';
import {
  dueRows,
  markPublished,
  postpone,
  readyRows,
  subscribedAmong,
  type OutboxRow,
  type Refusal,
} from './outbox-rows';

export interface RelayOptions {
  /** Rows read at a time. */
  batchSize: number;
  /** Publishes awaiting their confirm at most. */
  window: number;
}

export interface RelayRun {
  client: Client;
  publisher: Publisher;
  options: RelayOptions;
  log: Logger;
  /** The broker is lost: end at once. */
  lost: AbortSignal;
  /** The process is to stop: end when what is in flight is settled. */
  stopping: AbortSignal;
  /** Rows that may be what made the broker close the channel: published one at a time, to find the guilty. */
  suspects: Set<string>;
}

export interface RelayEnd {
  /** Rows whose publication has an unknown outcome. They stay unmarked, to be published again rather than lost. */
  inFlight: OutboxRow[];
  /** Set where the broker went silent. */
  error?: Error;
}

type Settled = { row: OutboxRow } & ({ outcome: PublishOutcome } | { error: Error });

const IDLE_MS = { first: 2, longest: 20 };
// In traffic a round is followed by a rest as long as it took: what commits meanwhile is read, and marked, together.
const LONGEST_REST_MS = 15;
const GATHER_MS = 2;
const DUE_EVERY_MS = 500;
const DRAIN_MS = 3_000;
// A broker that confirms others within this time is alive.
const SILENCE_MS = 5_000;

/**
 * Publishes the outbox while this process owns it: reads on while confirms are awaited, within the
 * window, and marks what is confirmed.
 * @returns when the broker is lost or the process is to stop
 * @throws when the database is lost
 */
export async function relayRows(run: RelayRun): Promise<RelayEnd> {
  const { client, options, lost, stopping, suspects } = run;
  const inFlight = new Map<string, OutboxRow>();
  let settled: Settled[] = [];
  let wake: () => void = () => undefined;
  let idleMs = IDLE_MS.first;
  let lastDueAt = 0;
  let lastConfirmAt = Date.now();
  let stopBy = Infinity;
  stopping.addEventListener('abort', () => (stopBy = Date.now() + DRAIN_MS), { once: true });

  const publish = (row: OutboxRow) => {
    inFlight.set(row.seq, row);
    const done = (result: Settled) => {
      settled.push(result);
      wake();
    };
    run.publisher.publish(toMessage(row, { exchange: EVENTS_EXCHANGE, routingKey: row.type })).then(
      (outcome) => done({ row, outcome }),
      (error: Error) => done({ row, error }),
    );
  };

  /** @returns what is to be published next, and whether that was all there is */
  const readOn = async (): Promise<{ rows: OutboxRow[]; all: boolean }> => {
    const window = suspects.size > 0 ? 1 : options.window;
    const room = Math.min(options.batchSize, window - inFlight.size + settled.length);
    // Where much is waiting, half a window at a time: a few rows cost as much to read as hundreds.
    if (room < Math.min(options.batchSize, window / 2) || stopping.aborted) return { rows: [], all: false };
    const rows = await readyRows(client, room, [...inFlight.keys()]);
    if (rows.length < room && Date.now() - lastDueAt >= DUE_EVERY_MS) {
      lastDueAt = Date.now();
      rows.push(...(await dueRows(client, room - rows.length, [...inFlight.keys()])));
    }
    return { rows, all: rows.length < room };
  };

  /** Marks what is confirmed by now. @returns the error that the broker is lost by, if it is */
  const settleSome = async (): Promise<Error | undefined> => {
    const batch = settled;
    settled = [];
    if (batch.some((entry) => 'outcome' in entry)) lastConfirmAt = Date.now();
    const broken = batch.find((entry) => 'error' in entry && !isItsOwnFault(entry.error, lastConfirmAt));
    await settle(run, broken ? batch.filter((entry) => 'outcome' in entry) : batch, inFlight);
    return broken && 'error' in broken ? broken.error : undefined;
  };

  while (!lost.aborted && Date.now() < stopBy && !(stopping.aborted && inFlight.size === 0)) {
    const startedAt = performance.now();
    const { rows, all } = await readOn();
    const marking = settled.length > 0 ? settleSome() : undefined;
    marking?.catch(() => undefined); // it is awaited below
    rows.forEach(publish); // while the database is at the others
    if (marking) {
      const error = await marking;
      if (error) return { inFlight: [...inFlight.values()], error };
    } else {
      idleMs = rows.length > 0 ? IDLE_MS.first : Math.min(idleMs * 2, IDLE_MS.longest);
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), wait(idleMs)]);
      if (all) continue; // what is confirmed by now is marked with what is read next
    }
    if (!all && settled.length < options.batchSize / 4) await wait(GATHER_MS);
    const restMs = Math.min(LONGEST_REST_MS, performance.now() - startedAt);
    if (all && restMs >= 1) await wait(restMs);
  }
  // What was confirmed last need not be published again.
  await settle(
    run,
    settled.filter((entry) => 'outcome' in entry),
    inFlight,
  );
  return { inFlight: [...inFlight.values()] };
}

/** Silence about one message, while others are confirmed, is that message's trouble; any other error is the broker's. */
const isItsOwnFault = (error: Error, lastConfirmAt: number) =>
  error instanceof LateError && Date.now() - lastConfirmAt < SILENCE_MS;

async function settle(
  run: RelayRun,
  batch: readonly Settled[],
  inFlight: Map<string, OutboxRow>,
): Promise<void> {
  const { client, log, suspects } = run;
  const published: string[] = [];
  const refusals: Refusal[] = [];
  const returned: OutboxRow[] = [];
  const refuse = (row: OutboxRow, error: string) =>
    refusals.push({ seq: row.seq, error, retryInMs: retryInMs(row.attempts) });

  for (const entry of batch) {
    if ('error' in entry) refuse(entry.row, entry.error.message);
    else if (entry.outcome.kind === 'refused') refuse(entry.row, entry.outcome.error);
    else if (entry.outcome.kind === 'unroutable') returned.push(entry.row);
    else published.push(entry.row.seq);
  }
  if (returned.length > 0) {
    const wanted = await subscribedAmong(client, [...new Set(returned.map((row) => row.type))]);
    for (const row of returned) {
      if (wanted.has(row.type)) refuse(row, 'no queue took it, though a service subscribes to its type');
      else published.push(row.seq); // nobody wants it: published is published
    }
  }
  await markPublished(client, published);
  await postpone(client, refusals);
  for (const { row } of batch) {
    inFlight.delete(row.seq);
    suspects.delete(row.seq);
  }
  reportRefusals(
    log,
    batch.map(({ row }) => row),
    refusals,
  );
}

/** Says of each row that it was not published, why, and when it is tried again. */
export function reportRefusals(log: Logger, rows: readonly OutboxRow[], refusals: readonly Refusal[]): void {
  for (const { seq, error, retryInMs: retry_in_ms } of refusals) {
    const row = rows.find((candidate) => candidate.seq === seq);
    const about = { event_id: row?.event_id, event_type: row?.type, correlation_id: row?.correlation_id };
    log.error(
      { ...about, error, retry_in_ms, attempt: (row?.attempts ?? 0) + 1 },
      'not published, will be tried again',
    );
  }
}

/** 1 s, doubling up to a minute. */
export const retryInMs = (attempts: number): number => Math.min(60_000, 1_000 * 2 ** Math.min(attempts, 10));
