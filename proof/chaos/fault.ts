/**
 * Takes a whole server away, or the relay that owns the outbox: never two of these at once, unless the plan is brutal.
 */
export const outageKinds = [
  'broker-stop',
  'broker-kill',
  'database-restart',
  'database-crash',
  'broker-blackhole',
  'database-blackhole',
  'relay-freeze',
] as const;
/** Hits one process, one connection or single messages. */
export const smallKinds = ['kill', 'freeze', 'cut', 'blackhole', 'duplicate', 'reorder', 'poison'] as const;
/** What goes wrong at the gateway, one at a time: it has one setting for all of its callers. */
export const gatewayKinds = [
  'gateway-drops-before',
  'gateway-drops-after',
  'gateway-errors',
  'gateway-hangs',
  'gateway-silent',
  'gateway-slow',
  'gateway-kill',
  'gateway-freeze',
  'kill-mid-call',
] as const;
/** What people with too many rights do, what they forget, and a clock that is off: one of these at a time. */
export const handKinds = [
  'lock',
  'unbind',
  'exchange-delete',
  'queue-delete',
  'policy',
  'alarm',
  'clock',
  'rotate-password',
  'revoke',
] as const;
export type OutageKind = (typeof outageKinds)[number];
export type SmallKind = (typeof smallKinds)[number];
export type GatewayKind = (typeof gatewayKinds)[number];
export type HandKind = (typeof handKinds)[number];
export type FaultKind = OutageKind | SmallKind | GatewayKind | HandKind;

export interface Fault {
  /** Milliseconds after the first order. */
  at: number;
  kind: FaultKind;
  /**
   * A process (`status-service-2`), a link (`status-service-2:rabbitmq`, `payment-service-1:gateway`), a queue,
   * `exchange`, or a server (`rabbitmq`, `postgres`); of faults by hand also a table (`stock_levels`), a process and
   * by how much its clock is off (`status-service-2:+90s`), and a service and which login (`status-service:postgres`)
   * or which right (`status-service:INSERT ON processed_events`) it loses.
   */
  target: string;
  durationMs: number;
}

export interface PlanOptions {
  seed: number;
  minutes: number;
  brutal: boolean;
  /** Services and how many processes of each run, called `<service>-<n>` from 1 on. */
  instances: Readonly<Record<string, number>>;
  /** Those that have a queue of their own name. */
  consumers: readonly string[];
  /** The one that talks to the gateway. */
  gatewayCaller: string;
  /** The gateway's process. */
  gateway: string;
  /** Of the retry queues of each consumer: `status-service.retry.<label>`. */
  retryLabels: readonly string[];
}
