import { table } from '../../../operator/command-line/table';
import type { Spread } from '../measure/spread';
import { judgeFigure, type Figure, type JudgedFigure, type Reach } from './figure';

/** What a part found out. */
export interface PartReport {
  part: string;
  figures: Figure[];
  /** CPU milliseconds an order, by process. */
  cpuMsPerOrder?: Record<string, number>;
  /** What else there is to say, a line each. */
  remarks: string[];
  tookMs: number;
  /** The machine's load average when it began: what others were doing there. */
  loadBefore: number;
  /** What the disk took just before the part and after it. */
  fdatasyncPerSecond: { before: number; after: number };
  /** Why it could not be measured. */
  failed?: string;
}

const HEADS = ['part', 'figure', 'ours (min–max)', 'baseline (min–max)', 'ratio (min–max)', 'reach', ''];

/** The table of all figures; below it CPU by process, remarks, and what could not be measured. */
export function formatReport(parts: readonly PartReport[]): string {
  const rows = parts.flatMap(({ figures }) => figures).map((figure) => rowOf(judgeFigure(figure)));
  return [
    table(HEADS, rows),
    ...parts.flatMap(cpuLines),
    ...parts.map(({ part, tookMs, loadBefore, fdatasyncPerSecond: { before, after } }) => {
      const disk = `the disk took ${formatNumber(before)} fdatasync/s before it, ${formatNumber(after)} after`;
      return `${part}: ${Math.round(tookMs / 1000)} s; load average ${formatNumber(loadBefore)} when it began; ${disk}`;
    }),
    ...parts.flatMap(({ part, remarks }) => remarks.map((remark) => `${part}: ${remark}`)),
    ...parts.flatMap(({ part, failed }) => (failed ? [`${part}: could not be measured: ${failed}`] : [])),
  ].join('\n');
}

const rowOf = ({ part, what, ours, baseline, ratio, reach, reached }: JudgedFigure): string[] => [
  part,
  what,
  formatSpread(ours),
  baseline ? `${formatSpread(baseline.value)} ${baseline.name}` : '–',
  ratio ? formatSpread(ratio) : '–',
  formatReach(reach),
  reached === undefined ? '' : reached ? 'ok' : 'SHORT',
];

/** `2,312 (2,250–2,400)`; of a single round without the range. */
export function formatSpread({ median, min, max, rounds }: Spread): string {
  return rounds.length === 1
    ? formatNumber(median)
    : `${formatNumber(median)} (${formatNumber(min)}–${formatNumber(max)})`;
}

/** Three digits, or as many as a whole number has. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '?';
  const decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: decimals });
}

function formatReach(reach: Reach | undefined): string {
  if (!reach) return 'reported';
  const bound =
    reach.atLeast === undefined ? `≤ ${formatNumber(reach.atMost ?? 0)}` : `≥ ${formatNumber(reach.atLeast)}`;
  return reach.of === 'ratio' ? `ratio ${bound}` : bound;
}

function cpuLines({ part, cpuMsPerOrder }: PartReport): string[] {
  if (!cpuMsPerOrder) return [];
  const entries = Object.entries(cpuMsPerOrder).sort(([, a], [, b]) => b - a);
  const total = entries.reduce((sum, [, ms]) => sum + ms, 0);
  const rows = [...entries, ['all', total] as const].map(([name, ms]) => [name, ms.toFixed(3)]);
  return ['', table([`${part}: process`, 'CPU ms an order'], rows), ''];
}
