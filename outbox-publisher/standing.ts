import { performance } from 'node:perf_hooks';
import type { Check } from '../shared/service/health-server';
import type { OwnerSeen } from './ownership';

/** What a relay is doing, for its health. */
export interface Standing {
  /** The loop has turned. */
  beat(): void;
  connected(): void;
  /** It owns the outbox. */
  owns(): void;
  /** It stands by, and has looked at the owner: undefined where there is none. */
  standsBy(owner: OwnerSeen | undefined): void;
  /** The database is lost. */
  disconnected(why: string): void;
  /** As the owner: rows were marked. */
  moved(): void;
  /** As the owner: so many rows are in flight, why none is published, where that is known, and what no queue takes. */
  waiting(rows: number, problem: string | undefined, withoutQueue: readonly string[]): void;
  database(): Check;
  relaying(): Check;
  alive(): Check;
}

/** Rows that wait and of which none is marked for so long are stuck. */
const STUCK_MS = 10_000;
/** The longest turn of the loop: a connection, a statement, a pause, each within its own limit. */
const TURN_MS = 30_000;
/** Between the end of one owner and the beginning of the next. */
const HANDOVER_MS = 3_000;
/** No owner is silent for so long: it runs a statement every two seconds. */
const SILENT_MS = 5_000;

export function createStanding(): Standing {
  const now = () => performance.now();
  let beatAt = now();
  let away: string | undefined = 'not connected to PostgreSQL yet';
  let role: 'starting' | 'owner' | 'standby' = 'starting';
  let ownerAt = -Infinity;
  let owner: OwnerSeen | undefined;
  let movedAt = now();
  let rows = 0;
  let problem: string | undefined;
  let withoutQueue: readonly string[] = [];

  function ownerTrouble(): string | undefined {
    if (problem) return problem;
    const seconds = Math.round((now() - movedAt) / 1_000);
    if (rows === 0 || now() - movedAt < STUCK_MS) return undefined;
    const why = withoutQueue.length > 0 ? `: no queue takes ${withoutQueue.join(', ')}` : '';
    return `${rows} events wait, and none was marked as published for ${seconds} s${why}`;
  }

  function standbyTrouble(): string | undefined {
    if (owner?.silentMs && owner.silentMs > SILENT_MS)
      return `the relay that owns the outbox (PostgreSQL process ${owner.pid}) has done nothing for ${Math.round(owner.silentMs / 1_000)} s`;
    return now() - ownerAt > HANDOVER_MS ? 'no relay owns the outbox' : undefined;
  }

  return {
    beat: () => (beatAt = now()),
    connected: () => (away = undefined),
    owns: () => {
      [role, movedAt, rows, problem, withoutQueue] = ['owner', now(), 0, undefined, []];
    },
    standsBy: (seen) => {
      if (role !== 'standby') ownerAt = role === 'owner' ? now() : -Infinity;
      [role, owner] = ['standby', seen];
      if (seen) ownerAt = now();
    },
    disconnected: (why) => {
      [away, role] = [why, 'starting'];
    },
    moved: () => (movedAt = now()),
    waiting: (count, why, types) => {
      if (count === 0) movedAt = now();
      [rows, problem, withoutQueue] = [count, why, types];
    },
    database: () => away ?? true,
    relaying: () => {
      if (role === 'starting') return 'starting';
      return (role === 'owner' ? ownerTrouble() : standbyTrouble()) ?? true;
    },
    alive: () => {
      const ms = now() - beatAt;
      return ms < TURN_MS || `the relay's loop has not turned for ${Math.round(ms / 1_000)} s`;
    },
  };
}
