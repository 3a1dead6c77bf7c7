import { performance } from 'node:perf_hooks';
import type { OutboxRow } from './outbox-rows';

/**
 * Events that the broker returned although some service subscribes to their type: a binding, a queue or the whole
 * exchange was lost. That is never an event's own fault, and consumers restore their bindings within seconds. So they
 * are kept in hand, one of each type is published again now and then, and as soon as one is routed, all of its type
 * are read again, in their order.
 */
export interface Returned {
  add(row: OutboxRow): void;
  /** Told of each event that a queue took. @returns the rows that are to be read again */
  routed(type: string): OutboxRow[];
  /** One row of each type, where it is time to try again. */
  probe(): OutboxRow[];
  /** Rows that are in the way: their types stay without a queue, while the broker routes others. */
  stuck(): OutboxRow[];
  /** Told of a row that is not in the outbox any more. */
  forget(seq: string): void;
  types(): string[];
  /** Nothing at all is routed: nothing but probes is to be published. */
  readonly everything: boolean;
  readonly size: number;
}

const PROBE_MS = { first: 100, longest: 2_000 };
const MOST_TYPES = 20;
/** Others were routed so recently that the broker as a whole is not at fault. */
const RECENT_MS = 5_000;
/** A consumer has restored its bindings within this time, or it will not soon. */
const GRACE_MS = 10_000;

/** @param most rows in hand at most, before those of single types are in the way */
export function createReturned(most: number): Returned {
  const byType = new Map<string, { since: number; rows: Map<string, OutboxRow> }>();
  let probeMs = PROBE_MS.first;
  let probeAt = 0;
  let routedAt = -Infinity;
  const size = () => [...byType.values()].reduce((sum, { rows }) => sum + rows.size, 0);
  const othersAreRouted = () => performance.now() - routedAt < RECENT_MS;

  return {
    add: (row) => {
      const now = performance.now();
      if (byType.size === 0) [routedAt, probeMs, probeAt] = [-Infinity, PROBE_MS.first, now + PROBE_MS.first];
      const entry = byType.get(row.type) ?? { since: now, rows: new Map<string, OutboxRow>() };
      entry.rows.set(row.seq, row);
      byType.set(row.type, entry);
    },
    routed: (type) => {
      if (byType.size === 0) return [];
      routedAt = performance.now();
      const rows = [...(byType.get(type)?.rows.values() ?? [])];
      byType.delete(type);
      return rows;
    },
    probe: () => {
      if (byType.size === 0 || performance.now() < probeAt) return [];
      probeAt = performance.now() + probeMs;
      probeMs = Math.min(probeMs * 2, PROBE_MS.longest);
      return [...byType.values()].slice(0, MOST_TYPES).map(({ rows }) => firstOf(rows));
    },
    stuck: () => {
      if (byType.size === 0 || !othersAreRouted()) return [];
      const before = performance.now() - GRACE_MS;
      const stuck = [...byType].filter(([, { since }]) => size() >= most || since < before);
      for (const [type] of stuck) byType.delete(type);
      return stuck.flatMap(([, { rows }]) => [...rows.values()]);
    },
    forget: (seq) => {
      for (const [type, { rows }] of byType) if (rows.delete(seq) && rows.size === 0) byType.delete(type);
    },
    types: () => [...byType.keys()],
    get everything() {
      return (byType.size > 1 || size() >= most) && !othersAreRouted();
    },
    get size() {
      return size();
    },
  };
}

const firstOf = (rows: Map<string, OutboxRow>): OutboxRow => rows.values().next().value!;
