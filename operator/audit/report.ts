import type { Check, Finding } from './check';

/** How one promise stands. */
export interface CheckReport {
  name: string;
  promise: string;
  unit: string;
  /** How many were judged. */
  judged: number;
  violations: number;
  warnings: number;
  /** Not judged yet: events about them are on their way, and not for long. */
  underWay: number;
  /** Violations first. */
  findings: Finding[];
  /** Why it was not made, where nothing was there to make it with. */
  skipped?: string;
  /** Why it could not be found out. */
  unknown?: string;
}

export interface AuditReport {
  /** No violation, and nothing that could not be found out; there may be warnings. */
  ok: boolean;
  checks: CheckReport[];
  tookMs: number;
}

/** Before anything was judged. */
export const emptyReport = (
  { name, promise }: Pick<Check, 'name' | 'promise'>,
  unit: string,
): CheckReport => ({
  name,
  promise,
  unit,
  judged: 0,
  violations: 0,
  warnings: 0,
  underWay: 0,
  findings: [],
});

/** Violations before warnings, as many of each as may be named. */
export const firstOf = (findings: readonly Finding[], limit: number): Finding[] =>
  (['violation', 'warning'] as const).flatMap((verdict) =>
    findings.filter((finding) => finding.verdict === verdict).slice(0, limit),
  );
