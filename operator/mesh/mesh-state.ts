import type { Pause } from '../../shared/service/pauses';

// What `npm run mesh -- --json` answers. Fields may be added, and none is taken away or renamed.

/** A process of a service, as it has put itself on record within the last seconds. */
export interface InstanceState {
  instance: string;
  host: string;
  /** This and its start are null where the process was asked itself, because the database does not answer. */
  pid: number | null;
  version: string;
  ready: boolean;
  /** Why it is not ready, by check of `/readyz`. */
  reasons: Record<string, string>;
  /** The parts that it knows to be paused. */
  paused: string[];
  started_at: string | null;
  seen_at: string;
}

export interface ServiceState {
  service: string;
  /** Null where it is not paused. */
  paused: { by: string; why: string; since: string } | null;
  instances: InstanceState[];
  /** Null where it is no consumer, or RabbitMQ could not be asked; `missing` where there is no such queue. */
  queue: { waiting: number; consumers: number } | 'missing' | null;
  /** Messages in its dead-letter queue; null as with the queue. */
  dead_letters: number | null;
  /** Events of its types that were published in the last ten seconds, by the second; null where it is no consumer. */
  in_per_second: number | null;
  /** Events that its instances settled, or published, of late, by the second; null where nobody says so. */
  out_per_second: number | null;
  /** How old the oldest event is that it may not have handled; null where it is no consumer, or none of it is there. */
  behind_seconds: number | null;
}

/** Of the newest events the way from one place to the next. */
export interface HopState {
  /** `outbox-publisher` for the way from the outbox to RabbitMQ; a service for that from RabbitMQ to its commit. */
  to: string;
  event_type: string;
  /** How many were looked at, and how many of them have not arrived: their time so far counts. */
  events: number;
  waiting: number;
  median_ms: number;
  p95_ms: number;
}

/** Something that does not end by itself, or should not go on for long. */
export interface Need {
  /** For programs; codes may be added. */
  code: string;
  /** The service, part or server that it is about. */
  part: string;
  sentence: string;
  /** What to run; null where no command helps. */
  command: string | null;
}

export interface ServerState {
  reachable: boolean;
  /** Why it is not; null where it is. */
  error: string | null;
}

export interface MeshState {
  /** By the database's clock, or this machine's where that does not answer. */
  as_of: string;
  postgresql: ServerState;
  rabbitmq: ServerState;
  services: ServiceState[];
  pauses: { part: string; by: string; why: string; since: string }[];
  /** These are null where the database could not be read. */
  outbox: { waiting: number; refused: number; oldest_seconds: number } | null;
  orders: Record<string, number> | null;
  /** Orders placed in the last minute, by the second. */
  orders_per_second: number | null;
  /** The slowest first. */
  hops: HopState[] | null;
  /** The gravest first. */
  needs: Need[];
}

export const showPause = ({ by, why, since }: Pause) => ({ by, why, since: since.toISOString() });
