import { firstIdOf } from '../../shared/history/partitions';
import { adjustmentPass } from './adjustment-checks';
import { analyticsOrderChecks, analyticsPass } from './analytics-checks';
import { announcementChecks } from './announcement-checks';
import type { AuditOptions } from './audit-options';
import { deadLetterCheckNames, judgeDeadLetters, standOfDeadLetters } from './dead-letter-checks';
import { countIn, type Pass, type Settings } from './check';
import { eventPass, notificationPass, outboxPass } from './event-checks';
import { auditBooks, booksAgree } from './books-check';
import { heldStockChecks } from './held-stock-checks';
import { itemPass } from './item-checks';
import { judge } from './judge';
import { orderLifeChecks } from './order-life-checks';
import { paidOrderChecks } from './paid-order-checks';
import { paymentPass } from './payment-checks';
import { rangesOf, LEAST_ID } from './ranges';
import { completeFrom } from './retained-history';
import { emptyReport, firstOf, type AuditReport, type CheckReport } from './report';
import { openSnapshot, type Snapshot } from './snapshot';

export type { AuditOptions } from './audit-options';
export type { AuditReport, CheckReport } from './report';

const orderPass: Pass = {
  unit: 'orders',
  walk: { table: 'orders', column: 'id' },
  count: countIn('orders', 'id'),
  checks: [
    ...heldStockChecks,
    ...orderLifeChecks,
    ...paidOrderChecks,
    ...announcementChecks,
    ...analyticsOrderChecks,
  ],
};

const passes: readonly Pass[] = [
  itemPass,
  orderPass,
  paymentPass,
  adjustmentPass,
  outboxPass,
  eventPass,
  notificationPass,
  analyticsPass,
];

/** The names of all checks. */
export const checkNames = [
  ...passes.flatMap((pass) => pass.checks.map((check) => check.name)),
  ...deadLetterCheckNames,
  booksAgree.name,
];

/**
 * Checks every promise of the mesh against its database, and its dead letters against their queues, idle or at work: what is merely under way is
 * counted and not blamed. Reads only, range by range, each range in one snapshot.
 * @throws when the database is away, or a statement takes too long
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const startedAt = Date.now();
  const snapshot = await openSnapshot(options.databaseUrl, options.statementTimeoutMs ?? 60_000);
  try {
    const judging: Settings = {
      graceMs: options.graceMs ?? 120_000,
      longestRetryMs: options.longestRetryMs ?? 600_000,
      deadLetterGraceMs: options.deadLetterGraceMs ?? 24 * 3_600_000,
      gone: [],
      judgedFrom: {
        eventLog: await completeFrom(snapshot.client, 'event_log'),
        processedEvents: await completeFrom(snapshot.client, 'processed_events'),
      },
    };
    const deadLetters = await standOfDeadLetters(snapshot, judging, options);
    const settings: Settings = { ...judging, gone: deadLetters.gone ?? [] };
    const checks: CheckReport[] = [];
    for (const pass of passes) checks.push(...(await runPass(snapshot, pass, settings, options)));
    checks.push(...judgeDeadLetters(deadLetters, options));
    if (options.only?.includes(booksAgree.name) ?? true) checks.push(await auditBooks(snapshot, options));
    const ok = checks.every(({ violations, unknown }) => violations === 0 && unknown === undefined);
    return { ok, checks, tookMs: Date.now() - startedAt };
  } finally {
    await snapshot.end();
  }
}

async function runPass(
  snapshot: Snapshot,
  pass: Pass,
  settings: Settings,
  options: AuditOptions,
): Promise<CheckReport[]> {
  const { only, since, limit = 20, rangeSize = 20_000, onProgress } = options;
  const wanted = pass.checks.filter(({ name }) => only?.includes(name) ?? true);
  const reports = wanted.map((check) => ({ check, report: emptyReport(check, pass.unit) }));
  if (reports.length === 0) return [];

  // UUIDs in text sort as in the database: a fixed form, in lower case.
  const [after] = [
    since && pass !== itemPass ? firstIdOf(since) : LEAST_ID,
    pass.after?.(settings) ?? LEAST_ID,
  ].sort((a, b) => (a < b ? 1 : -1));
  let judged = 0;
  for await (const range of rangesOf(snapshot, pass.walk, rangeSize, after)) {
    const [row] = await snapshot.query<{ count: number }>(pass.count(range));
    judged += row?.count ?? 0;
    for (const { check, report } of reports) {
      const { counts, findings } = await judge(snapshot, check, range, settings, limit);
      report.violations += counts.violation;
      report.warnings += counts.warning;
      report.underWay += counts['under way'];
      report.judged = judged;
      report.findings = firstOf([...report.findings, ...findings], limit);
    }
    onProgress?.(pass.unit, judged);
    await snapshot.renew();
  }
  return reports.map(({ report }) => report);
}
