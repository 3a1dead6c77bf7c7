import { performance } from 'node:perf_hooks';
import type { Client } from 'pg';
import type { Logger } from '../shared/service/logger';
import { spanLogFields } from '../shared/tracing/span';
import type { Flight } from './flight';
import { judgeAnswers } from './judge-answers';
import type { Nacks } from './nacks';
import type { Refusal } from './outbox-rows';
import { assertTrusted, proveOwnership } from './ownership';
import { createPace } from './pace';
import { createReader, type Next, type Reader } from './read-next';
import type { Sleep } from './sleep';
import type { Standing } from './standing';
import type { Suspects } from './suspects';
import type { Unmarked } from './unmarked';

export interface RelayOptions {
  /** Rows read at a time. */
  batchSize: number;
  /** Publishes awaiting their confirm at most. */
  window: number;
}

export interface RelayRun {
  client: Client;
  flight: Flight;
  unmarked: Unmarked;
  suspects: Suspects;
  nacks: Nacks;
  sleep: Sleep;
  standing: Standing;
  options: RelayOptions;
  log: Logger;
  /** Told when rows were marked. */
  moved: () => void;
  /** The broker is lost: end at once. */
  lost: AbortSignal;
  /** The process is to stop: end when what is in flight is settled. */
  stopping: AbortSignal;
}

/** Also while nothing may be read or marked for long: a session that runs no statement is ended. */
const PROVE_EVERY_MS = 2_000;
const DRAIN_MS = 2_000;
const NOTHING: Next = { rows: [], all: true };

/**
 * Publishes the outbox while this process owns it: reads on while confirms are awaited, within the
 * window, and marks what is confirmed.
 * @returns when the broker is lost or the process is to stop; with the error that the broker is lost by, where it is
 * lost by its silence
 * @throws when the database or the ownership is lost
 */
export async function relayRows(run: RelayRun): Promise<Error | undefined> {
  const { client, flight, unmarked, suspects, nacks, standing, options, lost, stopping } = run;
  const reader = createReader({ ...run, ...options });
  const pace = createPace({ ...run, ...options });
  const judge = {
    client,
    flight,
    unmarked,
    suspects,
    nacks,
    cameBack: new Set<string>(),
    answeredAt: performance.now(),
  };
  let stopBy = Infinity;
  let proveAt = 0;
  await unmarked.begin(client, flight);

  /** Marks what is confirmed by now. */
  const settle = async (): Promise<Error | undefined> => {
    const broken = await judgeAnswers(judge, flight.take());
    if (unmarked.waitMs() > 0) return broken;
    const { marked, postponed } = await unmarked.write(client, flight);
    reportRefusals(run.log, postponed);
    if (marked > 0) run.moved();
    return broken;
  };

  const drained = () => flight.awaiting.size === 0 && !flight.answered();
  for (;;) {
    if (stopping.aborted) stopBy = Math.min(stopBy, performance.now() + DRAIN_MS);
    if (lost.aborted || performance.now() > stopBy || (stopping.aborted && drained())) break;
    standing.beat();
    const startedAt = performance.now();
    if (startedAt >= proveAt) {
      proveAt = startedAt + PROVE_EVERY_MS;
      await proveOwnership(client);
    }
    const next = unmarked.failure() || stopping.aborted ? NOTHING : await reader.next();
    const settling = pace.isTimeToMark() ? settle() : undefined;
    settling?.catch(() => undefined); // it is awaited below
    if (next.rows.length > 0) assertTrusted(startedAt);
    for (const row of next.rows) flight.publish(row); // while the database is at the others
    const broken = await settling;
    if (broken) return broken;
    standing.waiting(flight.rows.size, problemOf(run, reader), flight.returned.types());
    await pace.rest(startedAt, next);
  }
  await settle(); // what was confirmed last need not be published again
  return undefined;
}

/** Why nothing is published at the moment. */
function problemOf({ flight, unmarked, nacks }: RelayRun, reader: Reader): string | undefined {
  const unread = reader.failure();
  if (unread) return `the outbox cannot be read: ${unread}`;
  const failure = unmarked.failure();
  if (failure) return `${unmarked.size} published events cannot be marked: ${failure}`;
  if (nacks.refusesEverything())
    return 'RabbitMQ refuses every event (basic.nack): a queue that they go to is full, or has lost its leader';
  if (!flight.returned.everything) return undefined;
  return `RabbitMQ routes nothing: no queue takes ${flight.returned.types().join(', ')}`;
}

/** Says of each row that it was not published, why, and when it is tried again. */
function reportRefusals(log: Logger, refusals: readonly Refusal[]): void {
  for (const { row, error, retryInMs: retry_in_ms } of refusals) {
    const about = {
      event_id: row.event_id,
      event_type: row.type,
      correlation_id: row.correlation_id,
      ...spanLogFields(row.span),
    };
    log.error(
      { ...about, error, retry_in_ms, attempt: row.attempts + 1 },
      'not published, will be tried again',
    );
  }
}
