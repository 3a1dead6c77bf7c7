import type { AuditReport } from '../../operator/audit/audit';
import type { Backlog } from './read-backlog';
import type { Watch } from './watch';
import type { PaymentCounts } from './check-payments';
import type { MailCounts } from './check-mails';
import type { WebhookCounts } from './check-webhooks';
import type { Requests } from './gateway';
import type { Inflicted } from './carry-out';
import type { Takeover } from './takeovers';
import type { ChaosArguments } from './chaos-arguments';
import type { DeadLetters } from './dead-letters';
import type { Drive } from './drive';

/** All that a run has shown; also its machine-readable report. */
export interface Scorecard {
  seed: number;
  minutes: number;
  rate: number;
  brutal: boolean;
  passed: boolean;
  servers: { postgres: string; rabbitmq: string };
  orders: { accepted: number; unknown: number; unknown_but_done: number; refused: number; not_sent: number };
  drafts: ReturnType<Drive['books']['countDrafts']>;
  /** In the gateway's books. */
  payments: PaymentCounts | null;
  gateway_requests: Requests | null;
  /** To the customers that gave an address. */
  mails: MailCounts | null;
  /** To an endpoint of the whole shop, and to one of a restaurant. */
  webhooks: WebhookCounts | null;
  moves: number;
  cancellations: number;
  adjustments: { accepted: number; unknown: number };
  latencies_ms: ReturnType<Drive['latencies']['summary']>;
  faults: FaultScore[];
  /** Those of the plan whose turn came too late. */
  faults_left_out: number;
  /** From the end of a fault to the processes that it hit being ready, and to no event being late. */
  recovery: Record<string, { faults: number; ready_ms: number[]; clear_ms: number[] }>;
  quiet_after_ms: number | null;
  duplicates: { published_again: number; put_into_another_order: number; ignored_by_consumers: number };
  dead_letters: Record<string, number>;
  failures: Record<string, number>;
  /** From each stop of the outbox's owner that could be judged to a standby's first work; null where it had none in time. */
  takeovers_ms: (number | null)[];
  /** Processes that ended without having been killed. */
  ended_by_themselves: string[];
  audit: AuditReport | null;
  violations: string[];
  /** How the mesh was, about twice a second. */
  timeline: {
    at_ms: number;
    unready: string[];
    waiting: number | null;
    late: number | null;
    unpaid: number | null;
  }[];
}

interface FaultScore {
  at_ms: number;
  kind: string;
  target: string;
  down_ms: number;
  ready_ms: number | null;
  clear_ms: number | null;
  error?: string;
}

export interface Evidence {
  given: ChaosArguments;
  servers: Scorecard['servers'];
  startedAt: number;
  drive: Drive;
  unknownButDone: number;
  payments: PaymentCounts | null;
  gatewayRequests: Requests | null;
  mails: MailCounts | null;
  webhooks: WebhookCounts | null;
  inflicted: readonly Inflicted[];
  leftOut: number;
  watch: Watch;
  quietAfterMs: number | null;
  duplicates: Scorecard['duplicates'];
  deadLetters: DeadLetters;
  failures: Record<string, number>;
  deaths: string[];
  takeovers: readonly Takeover[];
  audit: AuditReport | null;
  violations: string[];
}

export function makeScorecard(evidence: Evidence): Scorecard {
  const { given, drive, inflicted, watch, startedAt, violations } = evidence;
  const { books, stock } = drive;
  const faults = inflicted.map((one) => scoreFault(one, watch, startedAt));
  const recovery: Scorecard['recovery'] = {};
  for (const { kind, ready_ms, clear_ms } of faults) {
    const of = (recovery[kind] ??= { faults: 0, ready_ms: [], clear_ms: [] });
    of.faults += 1;
    if (ready_ms !== null) of.ready_ms.push(ready_ms);
    if (clear_ms !== null) of.clear_ms.push(clear_ms);
  }
  return {
    seed: given.seed,
    minutes: given.minutes,
    rate: given.rate,
    brutal: given.brutal,
    passed: violations.length === 0,
    servers: evidence.servers,
    orders: {
      accepted: books.count('done'),
      unknown: books.count('unknown'),
      unknown_but_done: evidence.unknownButDone,
      refused: books.count('refused'),
      not_sent: drive.shed(),
    },
    drafts: books.countDrafts(),
    payments: evidence.payments,
    gateway_requests: evidence.gatewayRequests,
    mails: evidence.mails,
    webhooks: evidence.webhooks,
    moves: books.orders.flatMap(({ moves }) => Object.values(moves)).filter((outcome) => outcome === 'done')
      .length,
    cancellations: books.orders.filter(({ cancelling }) => cancelling === 'done').length,
    adjustments: { accepted: stock.adjustments.length, unknown: stock.unknownAdjustments },
    latencies_ms: drive.latencies.summary(),
    faults,
    faults_left_out: evidence.leftOut,
    recovery,
    quiet_after_ms: evidence.quietAfterMs,
    duplicates: evidence.duplicates,
    dead_letters: evidence.deadLetters.byReason,
    failures: evidence.failures,
    takeovers_ms: evidence.takeovers.map(({ afterMs }) => afterMs ?? null),
    ended_by_themselves: evidence.deaths,
    audit: evidence.audit,
    violations,
    timeline: watch.samples().map(({ at, unready, backlog }) => ({
      at_ms: at - startedAt,
      unready,
      waiting: backlog?.waiting ?? null,
      late: backlog?.late ?? null,
      unpaid: backlog?.unpaid ?? null,
    })),
  };
}

function scoreFault(
  { fault, struckAt, healedAt, error }: Inflicted,
  watch: Watch,
  startedAt: number,
): FaultScore {
  // Of a process, a link, a login or a queue, those that it concerns; of a server or the exchange, all.
  const [name] = fault.target.split(/[:.]/);
  const isServer = ['postgres', 'rabbitmq', 'exchange'].includes(fault.target);
  const concerned = (process: string) => isServer || process.startsWith(name ?? '');
  const { readyAt, clearAt } = healedAt ? watch.recovery(healedAt, concerned) : {};
  const since = (at: number | undefined) => (at === undefined || !healedAt ? null : at - healedAt);
  return {
    at_ms: struckAt - startedAt,
    kind: fault.kind,
    target: fault.target,
    down_ms: (healedAt ?? Date.now()) - struckAt,
    ready_ms: since(readyAt),
    clear_ms: since(clearAt),
    error,
  };
}

/** One line of what happens. */
export function progressLine(
  elapsedMs: number,
  drive: Drive,
  faults: number,
  backlog: Backlog | undefined,
): string {
  const { books } = drive;
  return [
    `${Math.round(elapsedMs / 1000)} s`.padStart(5),
    `${books.count('done')} orders accepted`,
    `${books.count('unknown')} unknown`,
    `${books.count('refused')} refused`,
    `${faults} faults`,
    backlog ? `backlog ${backlog.waiting}, ${backlog.unpaid} unpaid` : 'the database is away',
  ].join('   ');
}
