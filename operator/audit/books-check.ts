import { firstIdOf } from '../../shared/history/partitions';
import { Prisma } from '../../shared/service/database';
import type { AuditOptions } from './audit-options';
import type { Finding } from './check';
import { compareBooks, UnreadableBooksError } from './gateway-books';
import { LEAST_ID } from './ranges';
import { emptyReport, firstOf, type CheckReport } from './report';
import type { Snapshot } from './snapshot';

export const booksAgree = {
  name: 'gateway-books',
  promise: "the gateway's books and ours agree, and nothing was done there twice",
};

/** The one check that asks somebody else than the database. */
export async function auditBooks(
  snapshot: Snapshot,
  options: Pick<AuditOptions, 'books' | 'since' | 'limit' | 'onProgress'>,
): Promise<CheckReport> {
  const { books, since, limit = 20, onProgress } = options;
  const report = emptyReport(booksAgree, 'payments');
  if (!books) return { ...report, skipped: await whyNoBooks(snapshot) };
  try {
    const after = since ? firstIdOf(since) : LEAST_ID;
    const onJudged = (judged: number) => onProgress?.('payments at the gateway', judged);
    const { judged, underWay, findings } = await compareBooks(snapshot, books, after, onJudged);
    const count = (verdict: Finding['verdict']) => findings.filter((one) => one.verdict === verdict).length;
    const [violations, warnings] = [count('violation'), count('warning')];
    return { ...report, judged, underWay, violations, warnings, findings: firstOf(findings, limit) };
  } catch (error) {
    if (!(error instanceof UnreadableBooksError)) throw error;
    return { ...report, unknown: error.message };
  }
}

/** Whoever took the last payment says which gateway it is. */
async function whyNoBooks(snapshot: Snapshot): Promise<string> {
  const [last] = await snapshot.query<{ gateway: string }>(Prisma.sql`
    SELECT gateway FROM payments WHERE gateway IS NOT NULL ORDER BY order_id DESC LIMIT 1`);
  if (!last) return 'no payment has been made at a gateway';
  return last.gateway === 'simulator'
    ? 'where the simulator is was not said: --simulator'
    : `${last.gateway} has its own reports to compare with`;
}
