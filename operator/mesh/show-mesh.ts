import { printable, table } from '../command-line/table';
import type { HopState, InstanceState, MeshState, Need, ServiceState } from './mesh-state';

const WIDTH = 100;

/** The state of the mesh on one screen, a hundred columns wide. */
export function meshAsText(state: MeshState): string {
  const { postgresql, rabbitmq, services } = state;
  const servers = `PostgreSQL ${postgresql.reachable ? 'answers' : 'IS AWAY'}, RabbitMQ ${rabbitmq.reachable ? 'answers' : 'IS AWAY'}`;
  return [
    `Ordermesh at ${toSecond(state.as_of)}: ${servers}`,
    '',
    servicesTable(services),
    '',
    instancesTable(state),
    '',
    ...fit('ORDERS', ordersLine(state)),
    ...fit('OUTBOX', outboxLine(state)),
    ...fit('SLOWEST', hopLine(state)),
    '',
    ...needsLines(state.needs),
  ].join('\n');
}

const servicesTable = (services: readonly ServiceState[]) =>
  table(
    ['SERVICE', 'READY', 'VERSION', 'WAITING', 'IN/S', 'OUT/S', 'BEHIND', 'DEAD'],
    services.map((one) => [
      one.service.slice(0, 30),
      readyOf(one),
      [...new Set(one.instances.map(({ version }) => version))].join('+').slice(0, 15) || '-',
      one.queue === 'missing' ? 'no queue' : right(one.queue?.waiting, 8),
      right(rounded(one.in_per_second), 7),
      right(rounded(one.out_per_second), 7),
      right(behindOf(one), 7),
      right(one.dead_letters ?? undefined, 5),
    ]),
  );

/** Where nothing waits, a few seconds are the age of what is on record. */
function behindOf({ behind_seconds, queue }: ServiceState): string | undefined {
  const waits = queue !== null && queue !== 'missing' && queue.waiting > 0;
  return behind_seconds !== null && (waits || behind_seconds > 10) ? seconds(behind_seconds) : undefined;
}

const readyOf = ({ instances, paused }: ServiceState): string => {
  const ready = instances.filter((one) => one.ready).length;
  return `${ready} of ${instances.length}${paused ? ' paused' : ''}`;
};

function instancesTable({ services, as_of }: MeshState): string {
  const rows = services.flatMap(({ service, instances }) => instances.map((one) => [service, one] as const));
  if (rows.length === 0) return 'No instance of a service is on record.';
  return table(
    ['INSTANCE', 'OF', 'HOST', 'PID', 'UP', 'STATE'],
    rows.map(([service, one]) => [
      one.instance.slice(0, 8),
      service.slice(0, 22),
      one.host.slice(0, 18),
      String(one.pid ?? '-'),
      one.started_at ? seconds((Date.parse(as_of) - Date.parse(one.started_at)) / 1_000) : '-',
      stateOf(one),
    ]),
  );
}

const stateOf = ({ ready, paused, reasons }: InstanceState): string =>
  [
    ready ? 'ready' : `NOT READY: ${Object.keys(reasons).join(', ')}`,
    paused.length > 0 && `paused: ${paused.join(', ')}`,
  ]
    .filter(Boolean)
    .join('; ')
    .slice(0, 38);

function ordersLine({ orders, orders_per_second }: MeshState): string {
  if (!orders) return 'not known';
  const counts = Object.entries(orders).map(
    ([status, count]) => `${count.toLocaleString('en-US')} ${status}`,
  );
  return `${counts.join(', ') || 'none'}; ${rounded(orders_per_second)} placed a second`;
}

function outboxLine({ outbox }: MeshState): string {
  if (!outbox) return 'not known';
  if (outbox.waiting === 0) return 'empty';
  return `${outbox.waiting} events wait, the oldest for ${seconds(outbox.oldest_seconds)}; ${outbox.refused} of them were refused`;
}

/** What takes longest now: a way that events took, or what a service has yet to do. */
function hopLine({ hops, services }: MeshState): string {
  if (!hops) return 'not known';
  const [hop] = hops;
  const behind = services
    .filter(({ queue }) => queue !== null && queue !== 'missing' && queue.waiting > 0)
    .sort((a, b) => (b.behind_seconds ?? 0) - (a.behind_seconds ?? 0))[0];
  if (behind?.behind_seconds && behind.behind_seconds * 1_000 > (hop?.p95_ms ?? 0))
    return `${behind.service} is ${seconds(behind.behind_seconds)} behind`;
  return hop ? hopAsText(hop) : 'nothing was published of late';
}

const hopAsText = ({ to, event_type, median_ms, p95_ms, events, waiting }: HopState) =>
  `${event_type} to ${to === 'outbox-publisher' ? 'RabbitMQ' : to}: ${seconds(median_ms / 1_000)} usually, ` +
  `${seconds(p95_ms / 1_000)} for the slowest (the last ${events}${waiting > 0 ? `, of which ${waiting} wait yet` : ''})`;

const needsLines = (needs: readonly Need[]): string[] =>
  needs.length === 0
    ? ['Nothing needs anybody.']
    : [
        'NEEDS SOMEBODY',
        ...needs.flatMap(({ sentence, command }) => [
          ...wrap(printable(sentence), WIDTH - 4).map((line, n) => `${n === 0 ? '- ' : '  '}${line}`),
          ...(command ? [`    ${printable(command)}`] : []),
        ]),
      ];

const fit = (what: string, text: string): string[] =>
  wrap(printable(text), WIDTH - 10).map((line, n) => `${(n === 0 ? what : '').padEnd(9)} ${line}`);

/** Breaks at spaces, and a word that is longer than a line within it. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.replaceAll(/\s+/g, ' ').split(' ')) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line ? `${line} ${word}` : word;
    for (; line.length > width; line = line.slice(width)) lines.push(line.slice(0, width));
  }
  return [...lines, line];
}

const right = (value: string | number | null | undefined, width: number) =>
  String(value ?? '-').padStart(width);

function rounded(rate: number | null): string {
  if (rate === null) return '-';
  if (rate > 0 && rate < 0.1) return '<0.1';
  return rate >= 10 || rate === 0 ? String(Math.round(rate)) : rate.toFixed(1);
}

/** `120ms`, `3.4s`, `12m`, `5h`, `3d` */
function seconds(value: number): string {
  if (value < 1) return `${Math.max(0, Math.round(value * 1_000))}ms`;
  if (value < 10) return `${value.toFixed(1)}s`;
  if (value < 120) return `${Math.round(value)}s`;
  if (value < 7_200) return `${Math.round(value / 60)}m`;
  return value < 172_800 ? `${Math.round(value / 3_600)}h` : `${Math.round(value / 86_400)}d`;
}

const toSecond = (moment: string) => moment.replace(/\.\d+Z$/, 'Z');
