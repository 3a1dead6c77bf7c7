import { oneLine } from '../command-line/table';
import type { AuditReport, CheckReport } from './audit';

/** The report for people: a line for each promise, and below it the rows that break it. */
export function formatReport(report: AuditReport): string {
  const width = Math.max(0, ...report.checks.map(({ promise }) => promise.length));
  const broken = report.checks.filter(({ violations }) => violations > 0).length;
  const unknown = report.checks.filter((check) => check.unknown !== undefined).length;
  const made = report.checks.filter((check) => check.skipped === undefined).length;
  const warned = report.checks.filter(({ warnings }) => warnings > 0).length;
  const seconds = (report.tookMs / 1000).toFixed(1);
  return [
    ...report.checks.flatMap((check) => [line(check, width), ...findingLines(check)]),
    '',
    broken > 0
      ? `${plural(broken, 'promise')} broken, of ${made}${open(unknown)} (${seconds} s)`
      : unknown > 0
        ? `${plural(made - unknown, 'promise')} kept${open(unknown)} (${seconds} s)`
        : `All ${plural(made, 'promise')} kept${warned > 0 ? ', with warnings' : ''} (${seconds} s)`,
  ].join('\n');
}

const shown = (count: number) => count.toLocaleString('en-US');
const plural = (count: number, noun: string) => `${shown(count)} ${noun}${count === 1 ? '' : 's'}`;

const open = (unknown: number) => (unknown > 0 ? `, ${unknown} could not be found out` : '');

function line(check: CheckReport, width: number): string {
  if (check.skipped !== undefined) return `skip  ${check.promise.padEnd(width)}   ${check.skipped}`;
  if (check.unknown !== undefined) return `????  ${check.promise.padEnd(width)}   ${oneLine(check.unknown)}`;
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
    // A dead letter's type and subject are whatever a stranger wrote.
    ...findings.map(
      ({ verdict, subject, problem }) =>
        `      ${verdict === 'warning' ? 'warning: ' : ''}${oneLine(`${subject}  ${problem}`)}`,
    ),
    ...(left > 0 ? [`      … and ${shown(left)} more: --only ${name} --limit ${violations + warnings}`] : []),
  ];
}
