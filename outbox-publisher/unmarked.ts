import { performance } from 'node:perf_hooks';
import type { Client } from 'pg';
import { briefly } from '../shared/messaging/failure';
import { backoffMs } from '../shared/service/backoff';
import type { Flight } from './flight';
import { isAnswer } from './is-answer';
import {
  markPublished,
  markUnlocked,
  postpone,
  stillWaiting,
  type OutboxRow,
  type Refusal,
} from './outbox-rows';

/** What the broker has answered about, and the outbox does not say yet. */
export interface Unmarked {
  published(row: OutboxRow): void;
  refused(refusal: Refusal): void;
  /** Why the last try failed. While there is a reason, nothing may be read or published. */
  failure(): string | undefined;
  /** How long to wait before the next try; 0 where none has failed. */
  waitMs(): number;
  /**
   * Writes down what is known, as far as it can.
   * @param flight what is written is taken out of it
   * @returns how many were marked, and what was postponed
   * @throws when the connection is lost
   */
  write(client: Client, flight: Flight): Promise<{ marked: number; postponed: Refusal[] }>;
  has(seq: string): boolean;
  readonly size: number;
  /** At the beginning of an ownership: forgets what is not in the outbox any more, here and in the flight. */
  begin(client: Client, flight: Flight): Promise<void>;
}

// A row that somebody else has locked holds nothing up; it is tried again so often.
const LOCKED_EVERY_MS = 1_000;

/**
 * It outlives the connection: what is confirmed and could not be marked is marked later, and not published again.
 * A mark that fails is tried again with backoff, each time with half as many rows, should there be too many.
 */
export function createUnmarked(): Unmarked {
  const published = new Map<string, OutboxRow>();
  const refused = new Map<string, Refusal>();
  const locked = new Set<string>();
  let lockedUntil = 0;
  let failures = 0;
  let retryAt = 0;
  let reason: string | undefined;
  let lastMark: string | undefined;

  /**
   * Not before what was published before it about the same subject: the log keeps the order of publication, and
   * the broker may confirm a later one earlier.
   */
  function markable({ rows, awaiting }: Flight): string[] {
    const unconfirmed = new Set<string>();
    const seqs: string[] = [];
    const lockedToo = performance.now() >= lockedUntil;
    for (const { seq, subject } of rows.values()) {
      if (awaiting.has(seq) || (locked.has(seq) && !lockedToo)) unconfirmed.add(subject);
      else if (published.has(seq) && !unconfirmed.has(subject)) seqs.push(seq);
    }
    return seqs;
  }

  async function postponeAll(client: Client, flight: Flight): Promise<Refusal[]> {
    const free = (seq: string) => !locked.has(seq) || performance.now() >= lockedUntil;
    const refusals = [...refused.values()].filter(({ row }) => free(row.seq));
    if (refusals.length === 0) return [];
    const skipped = await postpone(client, refusals);
    return refusals.filter(({ row }) => leave(row.seq, skipped, flight));
  }

  /** @returns true where it is written, and false where somebody has it locked */
  function leave(seq: string, skipped: readonly string[], flight: Flight): boolean {
    if (!skipped.includes(seq)) forget(seq, flight);
    else {
      locked.add(seq);
      lockedUntil = performance.now() + LOCKED_EVERY_MS;
    }
    return !skipped.includes(seq);
  }

  async function mark(client: Client, flight: Flight): Promise<number> {
    const all = markable(flight);
    if (all.length === 0) return 0;
    const careful = failures > 0 || all.some((seq) => locked.has(seq));
    const seqs = all.slice(0, Math.max(1, Math.floor(all.length / 2 ** failures)));
    let skipped: string[] = [];
    if (careful) {
      const done = await markUnlocked(client, seqs, lastMark);
      [lastMark, skipped] = [done.at, done.locked];
    } else lastMark = await markPublished(client, seqs, lastMark);
    return seqs.filter((seq) => leave(seq, skipped, flight)).length;
  }

  function forget(seq: string, flight: Flight): void {
    published.delete(seq);
    refused.delete(seq);
    locked.delete(seq);
    flight.rows.delete(seq);
  }

  return {
    published: (row) => void published.set(row.seq, row),
    refused: (refusal) => void refused.set(refusal.row.seq, refusal),
    failure: () => reason,
    waitMs: () => (failures > 0 ? Math.max(0, retryAt - performance.now()) : 0),
    has: (seq) => published.has(seq) || refused.has(seq),
    get size() {
      return published.size + refused.size;
    },
    write: async (client, flight) => {
      let marked = 0;
      try {
        marked = await mark(client, flight);
        const postponed = await postponeAll(client, flight);
        failures = 0;
        reason = undefined;
        return { marked, postponed };
      } catch (error) {
        if (!isAnswer(error)) throw error;
        retryAt = performance.now() + backoffMs(failures++);
        reason = briefly(error);
        return { marked, postponed: [] };
      }
    },
    begin: async (client, flight) => {
      const answered = [...published.values(), ...[...refused.values()].map(({ row }) => row)];
      const known = new Map([...answered, ...flight.rows.values()].map((row) => [row.seq, row]));
      if (known.size === 0) return;
      // By its event too: a database that was restored may give a number once more.
      const waiting = await stillWaiting(client, [...known.keys()]);
      for (const row of known.values()) {
        if (waiting.get(row.seq) === row.event_id) flight.rows.set(row.seq, row);
        else flight.forget(row.seq);
        if (!flight.rows.has(row.seq)) forget(row.seq, flight);
      }
    },
  };
}
