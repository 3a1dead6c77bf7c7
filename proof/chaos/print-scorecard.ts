import { formatReport } from '../../operator/audit/format-report';
import type { Fault } from './fault';
import type { Scorecard } from './scorecard';

const MOST_SHOWN = 30;

/** The scorecard for people. */
export function printScorecard(card: Scorecard): string {
  const { orders, drafts, adjustments, duplicates, payments, gateway_requests: requests } = card;
  return [
    '',
    `Chaos, seed ${card.seed}: ${card.minutes} min at ${card.rate} orders/s${card.brutal ? ', brutal' : ''}, on ${card.servers.postgres} and ${card.servers.rabbitmq}`,
    '',
    row(
      'orders',
      `${orders.accepted} accepted, ${orders.unknown} unknown (of which ${orders.unknown_but_done} were done), ${orders.refused} refused, ${orders.not_sent} not sent`,
    ),
    row(
      'drafts',
      `${drafts.made} made, ${drafts.changes} changes, ${drafts.approved} approved, ${drafts.perhaps_approved} perhaps`,
    ),
    row('payments', payments ? counts(payments) : 'not known'),
    row('mails', card.mails ? counts(card.mails) : 'not known'),
    row('webhooks', card.webhooks ? counts(card.webhooks) : 'not known'),
    row('gateway requests', requests ? counts(requests) : 'not known'),
    row('moves, cancellations', `${card.moves} and ${card.cancellations} done`),
    row('adjustments', `${adjustments.accepted} accepted, ${adjustments.unknown} unknown`),
    ...Object.entries(card.latencies_ms).map(([what, { answers, p50, p99, max }]) =>
      row(what, `p50 ${p50} ms, p99 ${p99} ms, longest ${max} ms (${answers} answers)`),
    ),
    row(
      'duplicates',
      `${duplicates.published_again} published again, ${duplicates.put_into_another_order} put into another order, ${duplicates.ignored_by_consumers} ignored`,
    ),
    row('dead letters', counts(card.dead_letters)),
    row('failures on record', counts(card.failures)),
    row('faults', `${card.faults.length} made, ${card.faults_left_out} left out: their turn came too late`),
    row(
      'takeovers',
      card.takeovers_ms.map((ms) => (ms === null ? 'none in time' : seconds(ms))).join(', ') ||
        'none to judge',
    ),
    row('ended by themselves', `${card.ended_by_themselves.length} processes`),
    row(
      'quiet',
      card.quiet_after_ms === null ? 'never' : `${seconds(card.quiet_after_ms)} after the last order`,
    ),
    '',
    `${'fault'.padEnd(20)}${'times'.padStart(6)}${'ready after (median, longest)'.padStart(36)}${'nothing late after'.padStart(24)}`,
    ...Object.entries(card.recovery).map(
      ([kind, { faults, ready_ms, clear_ms }]) =>
        `${kind.padEnd(20)}${String(faults).padStart(6)}${spread(ready_ms).padStart(36)}${spread(clear_ms).padStart(24)}`,
    ),
    '',
    card.audit ? formatReport(card.audit) : 'The audit was not made.',
    '',
    ...card.violations.slice(0, MOST_SHOWN).map((violation) => `VIOLATION  ${violation}`),
    ...(card.violations.length > MOST_SHOWN ? [`… and ${card.violations.length - MOST_SHOWN} more`] : []),
    card.passed
      ? `Passed: nothing lost, nothing done twice, in ${card.faults.length} faults.`
      : `FAILED: ${card.violations.length} violations. Again: npm run chaos -- --seed ${card.seed} --minutes ${card.minutes} --rate ${card.rate}${card.brutal ? ' --brutal' : ''}`,
  ].join('\n');
}

/** The plan, before it is carried out. */
export function printPlan(plan: readonly Fault[]): string {
  return plan
    .map(
      ({ at, kind, target, durationMs }) =>
        `${seconds(at).padStart(8)}  ${kind.padEnd(20)}${target.padEnd(34)}${seconds(durationMs)}`,
    )
    .join('\n');
}

const row = (name: string, text: string) => `${name.padEnd(24)}${text}`;
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

const counts = (all: object) =>
  Object.entries(all as Record<string, number>)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ') || 'none';

function spread(times: readonly number[]): string {
  if (times.length === 0) return '-';
  const sorted = times.toSorted((a, b) => a - b);
  return `${seconds(sorted[Math.floor(sorted.length / 2)]!)}, ${seconds(sorted.at(-1)!)}`;
}
