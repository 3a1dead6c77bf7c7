import type { AuditReport, CheckReport } from './audit';

/** The report for people: a line for each promise, and below it the rows that break it. */
export function formatReport(report: AuditReport): string {
  const width = Math.max(0, ...report.checks.map(({ promise }) => promise.length));
  const broken = report.checks.filter(({ violations }) => violations > 0).length;
  const warned = report.checks.filter(({ warnings }) => warnings > 0).length;
  const seconds = (report.tookMs / 1000).toFixed(1);
  return [
    ...report.checks.flatMap((check) => [line(check, width), ...findingLines(check)]),
    '',
    broken > 0
      ? `${plural(broken, 'promise')} broken, of ${report.checks.length} (${seconds} s)`
      : `All ${plural(report.checks.length, 'promise')} kept${warned > 0 ? ', with warnings' : ''} (${seconds} s)`,
  ].join('\n');
}

const shown = (count: number) => count.toLocaleString('en-US');
const plural = (count: number, noun: string) => `${shown(count)} ${noun}${count === 1 ? '' : 's'}`;

function line(check: CheckReport, width: number): string {
  const status = check.violations > 0 ? 'FAIL' : check.warnings > 0 ? 'warn' : 'ok  ';
  const counts = [
    `${shown(check.judged)} ${check.unit}`,
    check.violations > 0 ? plural(check.violations, 'violation') : '',
    check.warnings > 0 ? plural(check.warnings, 'warning') : '',
    check.underWay > 0 ? `${shown(check.underWay)} under way` : '',
  ];
  return `${status}  ${check.promise.padEnd(width)}   ${counts.filter(Boolean).join(', ')}`;
}

function findingLines({ findings, violations, warnings, name }: CheckReport): string[] {
  const left = violations + warnings - findings.length;
  return [
    ...findings.map(
      ({ verdict, subject, problem }) =>
        `      ${verdict === 'warning' ? 'warning: ' : ''}${subject}  ${problem}`,
    ),
    ...(left > 0 ? [`      … and ${shown(left)} more: --only ${name} --limit ${violations + warnings}`] : []),
  ];
}
