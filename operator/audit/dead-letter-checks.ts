import { firstIdOf } from '../../shared/history/partitions';
import { Prisma } from '../../shared/service/database';
import { pause } from '../../shared/service/pause';
import type { AuditOptions } from './audit-options';
import { graceBeganFor, type Finding, type Settings } from './check';
import { UnreadableQueuesError } from './dead-letter-queues';
import { LEAST_ID } from './ranges';
import { emptyReport, firstOf, type CheckReport } from './report';
import type { Snapshot } from './snapshot';

const decidedInTime = {
  name: 'dead-letters-decided',
  promise: 'every dead letter is replayed or discarded in time',
};
const kept = {
  name: 'dead-letters-kept',
  promise: 'a dead letter stays in its queue until somebody decides',
};
export const deadLetterCheckNames = [decidedInTime.name, kept.name];

/** A delivery that was dead-lettered, that nobody has decided about, and whose event is not handled since. */
interface Outstanding {
  consumer: string;
  event_id: string;
  type: string | null;
  subject: string | null;
  reason: string;
  failed_at: Date;
  /** Whether it is an event that was published, of a type that the consumer takes; else it is a stranger's. */
  ours: boolean;
  old: boolean;
}

/** How the dead letters on record stand. */
export interface DeadLetterStanding {
  outstanding: Outstanding[];
  /** Those of them that are in no queue; undefined where the queues were not read. */
  gone: Outstanding[] | undefined;
  /** Why the queues could not be read, though it was said where they are. */
  unreadable?: string;
}

const LOOKS = 3;
const BETWEEN_LOOKS_MS = 1_000;

/**
 * Compares the record with the queues. The queues are read first, and only what was a dead letter before that is
 * looked for in them. What is missing is looked for again: somebody may be holding it, to read it.
 */
export async function standOfDeadLetters(
  snapshot: Snapshot,
  settings: Settings,
  { queues, since }: Pick<AuditOptions, 'queues' | 'since'>,
): Promise<DeadLetterStanding> {
  const from = since ? firstIdOf(since) : LEAST_ID;
  let gone: Outstanding[] | undefined;
  for (let look = 1; ; look++) {
    await snapshot.renew(0);
    const consumers = await snapshot.query<{ consumer: string }>(
      Prisma.sql`SELECT DISTINCT consumer FROM subscriptions WHERE until IS NULL ORDER BY consumer`,
    );
    const [clock] = await snapshot.query<{ now: Date }>(Prisma.sql`SELECT clock_timestamp() AS now`);
    let found: Map<string, Set<string>> | undefined;
    let unreadable: string | undefined;
    try {
      found = await queues?.read(consumers.map(({ consumer }) => consumer));
    } catch (error) {
      if (!(error instanceof UnreadableQueuesError)) throw error;
      unreadable = error.message;
    }
    await snapshot.renew(0);
    const outstanding = await snapshot.query<Outstanding>(findOutstanding(from, settings));
    if (!found) return { outstanding, gone: undefined, unreadable };
    const missing = outstanding.filter(
      ({ consumer, event_id, failed_at }) =>
        clock && failed_at < clock.now && !found.get(consumer)?.has(event_id),
    );
    const known = gone;
    gone = known ? missing.filter((one) => known.some((other) => isSame(one, other))) : missing;
    if (gone.length === 0 || look >= LOOKS) return { outstanding, gone };
    await pause(BETWEEN_LOOKS_MS);
  }
}

const isSame = (one: Outstanding, other: Outstanding) =>
  one.consumer === other.consumer && one.event_id === other.event_id;

const findOutstanding = (from: string, settings: Settings): Prisma.Sql => Prisma.sql`
  SELECT d.consumer, d.event_id::text, d.type, d.subject, d.reason, d.failed_at,
    EXISTS (SELECT FROM event_log e JOIN subscriptions s ON s.consumer = d.consumer AND s.event_type = e.type AND s.until IS NULL
            WHERE e.event_id = d.event_id) AS ours,
    d.failed_at < ${graceBeganFor(settings.deadLetterGraceMs)} AS old
  FROM delivery_failures d
  WHERE d.outcome = 'DEAD_LETTERED' AND d.event_id > ${from}::uuid AND d.event_id >= ${settings.judgedFrom.processedEvents}::uuid
    AND EXISTS (SELECT FROM subscriptions s WHERE s.consumer = d.consumer AND s.until IS NULL)
    AND NOT EXISTS (SELECT FROM delivery_failures g WHERE g.event_id = d.event_id AND g.consumer = d.consumer AND g.id > d.id)
    AND NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = d.consumer AND p.event_id = d.event_id)
  ORDER BY d.id`;

/** The two checks, of what is known of all dead letters. */
export function judgeDeadLetters(
  { outstanding, gone, unreadable }: DeadLetterStanding,
  { limit = 20, only }: Pick<AuditOptions, 'limit' | 'only'>,
): CheckReport[] {
  const isGone = new Set(gone);
  const late = outstanding.filter((one) => one.old && !isGone.has(one));
  const decided: CheckReport = {
    ...reportOn(
      decidedInTime,
      late,
      limit,
      ({ consumer, ...one }) =>
        `${about(one)} is a dead letter of ${consumer} (${one.reason}) since ${one.failed_at.toISOString()}, and nobody has replayed or discarded it`,
    ),
    judged: outstanding.length,
    underWay: outstanding.length - isGone.size - late.length,
  };
  const keptReport: CheckReport = gone
    ? {
        ...reportOn(
          kept,
          gone,
          limit,
          ({ consumer, ...one }) =>
            `${about(one)} was a dead letter of ${consumer} (${one.reason}) since ${one.failed_at.toISOString()}, ` +
            `and is not in ${consumer}.dlq any more: nobody will handle it`,
        ),
        judged: outstanding.length,
      }
    : unreadable !== undefined
      ? { ...emptyReport(kept, UNIT), unknown: unreadable }
      : { ...emptyReport(kept, UNIT), skipped: 'where RabbitMQ is was not said: RABBITMQ_URL' };
  return [decided, keptReport].filter(({ name }) => only?.includes(name) ?? true);
}

const UNIT = 'dead letters';
const about = ({ type, subject }: Pick<Outstanding, 'type' | 'subject'>) =>
  `${type ?? 'a message'}${subject ? ` about ${subject}` : ''}`;

/** A published event's is a violation; of a stranger's message nothing was promised. */
function reportOn(
  check: { name: string; promise: string },
  found: readonly Outstanding[],
  limit: number,
  problem: (one: Outstanding) => string,
): CheckReport {
  const findings = found.map((one): Finding => {
    return { verdict: one.ours ? 'violation' : 'warning', subject: one.event_id, problem: problem(one) };
  });
  const violations = found.filter(({ ours }) => ours).length;
  return {
    ...emptyReport(check, UNIT),
    violations,
    warnings: found.length - violations,
    findings: firstOf(findings, limit),
  };
}
