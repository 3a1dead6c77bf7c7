import { performance } from 'node:perf_hooks';
import type { Client } from 'pg';
import { briefly } from '../shared/messaging/failure';
import { backoffMs } from '../shared/service/backoff';
import type { Logger } from '../shared/service/logger';
import { isAnswer } from './is-answer';
import type { Flight } from './flight';
import { CLOSED_BY, dueRows, readyRows, rowsOf, type OutboxRow } from './outbox-rows';
import type { Suspects } from './suspects';

export interface Next {
  rows: OutboxRow[];
  /** There are no more. */
  all: boolean;
  /** They had to wait for longer than where the relay keeps up. */
  late?: boolean | undefined;
}

export interface ReaderOptions {
  client: Client;
  flight: Flight;
  suspects: Suspects;
  /** Rows read at a time. */
  batchSize: number;
  /** Publishes awaiting their confirm at most. */
  window: number;
  log: Logger;
}

const DUE_EVERY_MS = 500;
/** Of each read, for rows that were refused before, however many wait that were not. */
const DUE_SHARE = 0.1;
/** Read beside probes, to see whether anything at all is routed. */
const OTHERS = 20;
const FIRST_READ = 4;
const NOTHING: Next = { rows: [], all: false };

export interface Reader {
  /** @throws when the connection is lost */
  next(): Promise<Next>;
  /** Why the outbox cannot be read at the moment. */
  failure(): string | undefined;
}

/**
 * Chooses what is published next, in one connection's time. The first read is a small one, and each may be twice as
 * large as the one before: where rows are so large that a full read takes longer than a statement may, it is cut off
 * once and not for ever. A read that PostgreSQL refuses, for a lock, say, is tried again with backoff.
 */
export function createReader({ client, flight, suspects, batchSize, window, log }: ReaderOptions): Reader {
  let reach = Math.min(FIRST_READ, batchSize);
  let dueAt = 0;
  let failures = 0;
  let retryAt = 0;
  let reason: string | undefined;
  const inFlight = () => [...flight.rows.keys()];

  async function next(): Promise<Next> {
    if (performance.now() < retryAt) return NOTHING;
    try {
      const read = await readNext();
      failures = 0;
      reason = undefined;
      return read;
    } catch (error) {
      if (!isAnswer(error)) throw error;
      reason = briefly(error);
      if (failures === 0) log.warn({ error: reason }, 'the outbox cannot be read, trying again');
      retryAt = performance.now() + backoffMs(failures++);
      reach = Math.min(FIRST_READ, batchSize);
      return NOTHING;
    }
  }

  async function readNext(): Promise<Next> {
    if (suspects.size > 0) return readSuspect();
    if (flight.returned.everything) return readProbes();
    const probes = flight.returned.probe();
    // What waits for its mark has its place in the window too.
    const room = Math.min(reach, window - flight.rows.size + flight.answers());
    // Where much is waiting, half a window at a time: a few rows cost as much to read as hundreds.
    if (room < Math.min(reach, window / 2)) return { rows: probes, all: false };
    const due = await readDue(Math.max(1, Math.floor(room * DUE_SHARE)));
    const rows = await readyRows(client, room - due.length, {
      seqs: [...inFlight(), ...due.map(({ seq }) => seq)],
    });
    const all = rows.length < room - due.length;
    if (!all) reach = Math.min(batchSize, reach * 2);
    return { rows: [...probes, ...due, ...rows], all, late: rows[0]?.late };
  }

  /** Twice a second, or at once where there were more. */
  async function readDue(limit: number): Promise<OutboxRow[]> {
    if (performance.now() < dueAt) return [];
    const due = await dueRows(client, limit, { seqs: inFlight() });
    if (due.length < limit) dueAt = performance.now() + DUE_EVERY_MS;
    const [alone, others] = [due.filter(endsChannels), due.filter((row) => !endsChannels(row))];
    for (const { seq } of alone) suspects.add(seq);
    return others;
  }

  async function readSuspect(): Promise<Next> {
    if (flight.awaiting.size > 0) return NOTHING;
    const open = [...suspects].filter((seq) => !flight.rows.has(seq));
    const rows = await rowsOf(client, open, 1);
    if (rows.length === 0) suspects.clear(); // published by another relay, or postponed
    return { rows, all: false };
  }

  async function readProbes(): Promise<Next> {
    const probes = flight.awaiting.size > 0 ? [] : flight.returned.probe();
    if (probes.length === 0) return { rows: [], all: true };
    const others = await readyRows(client, OTHERS, { seqs: inFlight(), types: flight.returned.types() });
    return { rows: [...probes, ...others], all: true };
  }

  return { next, failure: () => reason };
}

const endsChannels = ({ last_error }: OutboxRow) => last_error?.startsWith(CLOSED_BY) === true;
