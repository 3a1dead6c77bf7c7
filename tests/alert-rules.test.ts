import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { findPrometheus } from './find-prometheus';
import { RULES } from './own-prometheus';

// Each alert when it should be there and when it should not, by promtool. A case changes something of a mesh that is
// well, and names all that fires then: one fault has one alert.

const tools = findPrometheus();
const withTools = tools ? describe : describe.skip;

/** A sample every five seconds, as promtool has it: `0x9` ten times 0, `0+2x9` 0, 2, … 18, `_` none. */
const PEACE: Record<string, string> = {
  'up{job="rabbitmq", instance="r:15692"}': '1x80',
  'up{job="rabbitmq-queues", instance="r:15692"}': '1x80',
  'up{job="ordermesh", service="order-api", instance="a:8000"}': '1x80',
  'up{job="ordermesh", service="outbox-publisher", instance="o:9100"}': '1x80',
  'up{job="ordermesh", service="stock", instance="s:9100"}': '1x80',
  'ordermesh_outbox_oldest_seconds{instance="o:9100"}': '0 3 0x80',
  'ordermesh_outbox_oldest_seconds{instance="a:8000"}': '0 3 0x80',
  ordermesh_orders_oldest_placed_seconds: '299x80',
  'rabbitmq_detailed_queue_consumers{queue="stock"}': '2x80',
  'rabbitmq_detailed_queue_consumers{queue="stock.dlq"}': '0x80',
  'rabbitmq_detailed_queue_consumers{queue="stock.retry.1s"}': '0x80',
  'rabbitmq_detailed_queue_consumers{queue="of somebody else"}': '0x80',
  'rabbitmq_detailed_queue_messages{queue="stock"}': '0 900x80',
  'rabbitmq_detailed_queue_messages{queue="stock.dlq"}': '0x80',
  'rabbitmq_detailed_queue_messages{queue="stock.retry.1s"}': '7x80',
  // At work: what each side says is of another moment.
  'rabbitmq_detailed_queue_messages_unacked{queue="stock"}':
    '150 130 149 40 150 150 10 150 135 150 99 150x70',
  'ordermesh_consumer_unacknowledged{consumer="stock", instance="s:9100"}':
    '150 20 150 150 7 150 150 149 60 150 150 150x70',
  'ordermesh_consumer_behind_seconds{consumer="stock"}': '2 9 4x80',
  'ordermesh_consumer_missed_total{consumer="stock", instance="s:9100"}': '0x80',
  ordermesh_bindings_recorded: '9x80',
  'rabbitmq_cluster_exchange_bindings{exchange="ordermesh.events"}': '9x80',
  'rabbitmq_cluster_exchange_bindings{exchange="amq.topic"}': '0x80',
  'ordermesh_events_published_total{type="order.placed.v1", outcome="returned"}': '0x80',
  'ordermesh_events_published_total{type="order.placed.v1", outcome="published"}': '0+9x80',
  'ordermesh_gateway_calls_total{operation="authorize", outcome="done"}': '0+1x80',
  // Some calls have no answer, and are made again.
  'ordermesh_gateway_calls_total{operation="authorize", outcome="no_answer"}': '0+1x80',
  ordermesh_payments_in_review: '0x80',
  'ordermesh_notification_lanes_failing{channel="email"}': '0x80',
  // A receiver of somebody else's.
  'ordermesh_notification_lanes_failing{channel="webhook"}': '1x80',
  'ordermesh_webhooks_disabled{reason="gone"}': '0x80',
  // In a rush, some wait, and not for long.
  'ordermesh_database_pool_waiting{pool="order-api", instance="a:8000"}': '9 9 0 9 9 0 9x2 0x70',
  'ordermesh_database_pool_used{pool="order-api", instance="a:8000"}': '10x80',
  'ordermesh_database_pool_size{pool="order-api", instance="a:8000"}': '10x80',
  // Between two rounds of autovacuum at a thousand orders a second; and a few of a large table.
  'ordermesh_table_dead_tuples{table="outbox_events"}': '0+30000x12 0x70',
  'ordermesh_table_live_tuples{table="outbox_events"}': '0x80',
  'ordermesh_table_dead_tuples{table="orders"}': '600000x80',
  'ordermesh_table_live_tuples{table="orders"}': '5000000x80',
  'ordermesh_history_days_ahead{table="event_log"}': '6x80',
  'ordermesh_paused{part="stock", instance="s:9100"}': '0x80',
  'ordermesh_ready{service="stock", check="database", instance="s:9100"}': '1x80',
  'rabbitmq_alarms_memory_used_watermark{instance="r:15692"}': '0x80',
  'rabbitmq_alarms_free_disk_space_watermark{instance="r:15692"}': '0x80',
};
const QUIET = {
  'rabbitmq_detailed_queue_messages_unacked{queue="stock"}': '0x80',
  'ordermesh_consumer_unacknowledged{consumer="stock", instance="s:9100"}': '0x80',
};
const of = (pattern: RegExp, values: string) =>
  Object.fromEntries(
    Object.keys(PEACE)
      .filter((series) => pattern.test(series))
      .map((series) => [series, values]),
  );

/** A fault that begins after half a minute and lasts. */
const since30s = (before: string, after: string) => `${before}x5 ${after}x70`;
/** They are told no more from then on. */
const gone = (pattern: RegExp) =>
  Object.fromEntries(
    Object.entries(PEACE)
      .filter(([series]) => pattern.test(series))
      .map(([series, values]) => [series, `${/(\d+)x\d+$/.exec(values)?.[1]}x5 stale _x70`]),
  );

const ofThree = Object.fromEntries(
  ['r2', 'r3'].map((node) => [`up{job="rabbitmq", instance="${node}:15692"}`, '1x80']),
);

const cases: Record<string, { series: Record<string, string | undefined>; fires: string[] }> = {
  'RabbitMQ is away, and so is what it tells, and much follows from it': {
    series: {
      ...of(/^up\{job="rabbitmq/, since30s('1', '0')),
      ...gone(/^rabbitmq_/),
      ...of(/outbox_oldest/, '0x5 0+5x70'),
      ...of(/orders_oldest/, '0x5 0+9x70'),
    },
    fires: ['BrokerDown{instance="r:15692"}'],
  },
  'the container of RabbitMQ is gone': {
    series: { ...gone(/^up\{job="rabbitmq/), ...gone(/^rabbitmq_/) },
    fires: ['BrokerDown{job="rabbitmq"}'],
  },
  'PostgreSQL is away: nobody can read anything of it': {
    series: {
      ...gone(/outbox_oldest|orders_oldest|behind|bindings_recorded|in_review|disabled|tuples|days_ahead/),
      ...of(/pool_waiting/, since30s('0', '9')),
    },
    fires: ['DatabaseDown{}'],
  },
  'RabbitMQ is in alarm, and the outbox waits': {
    series: { ...of(/alarms_free_disk/, since30s('0', '1')), ...of(/outbox_oldest/, '0x5 0+5x70') },
    fires: ['BrokerAlarm{alarm="disk", instance="r:15692"}'],
  },
  'memory, too': {
    series: of(/alarms_memory/, since30s('0', '1')),
    fires: ['BrokerAlarm{alarm="memory", instance="r:15692"}'],
  },
  'an order-api is killed': {
    series: of(/^up.*order-api/, since30s('1', '0')),
    fires: ['ServiceDown{instance="a:8000", service="order-api"}'],
  },
  'one of two instances of a consumer hangs, and its lease runs out': {
    series: {
      'up{job="ordermesh", service="stock", instance="t:9100"}': since30s('1', '0'),
      ...of(/behind/, '2x5 2+5x9 2x70'),
      ...QUIET,
      'rabbitmq_detailed_queue_messages_unacked{queue="stock"}': since30s('0', '150'),
    },
    fires: ['ServiceDown{instance="t:9100", service="stock"}'],
  },
  'the only instance of a consumer is killed': {
    series: {
      ...of(/^up.*stock/, since30s('1', '0')),
      ...of(/queue_consumers\{queue="stock"/, since30s('2', '0')),
      ...of(/behind/, '2x5 2+5x9 _x70'),
      ...QUIET,
      ...gone(/consumer_unack|missed/),
    },
    fires: ['QueueWithoutConsumer{consumer="stock"}'],
  },
  'its container is gone': {
    series: {
      ...gone(/^up.*stock/),
      ...of(/queue_consumers\{queue="stock"/, since30s('2', '0')),
      ...of(/behind/, '2x5 2+5x9 _x70'),
      ...QUIET,
      ...gone(/consumer_unack|missed/),
    },
    fires: ['QueueWithoutConsumer{consumer="stock"}'],
  },
  'the only relay is killed, and an event waits': {
    series: {
      ...of(/^up.*outbox/, since30s('1', '0')),
      ...gone(/outbox_oldest_seconds\{instance="o/),
      ...of(/outbox_oldest_seconds\{instance="a/, '0x5 0+5x70'),
    },
    fires: ['OutboxOld{}'],
  },
  'the container of the only relay is gone, and no event waits': {
    series: { ...gone(/^up.*outbox/), ...gone(/outbox_oldest_seconds\{instance="o/) },
    fires: ['ServiceDown{job="ordermesh", service="outbox-publisher"}'],
  },
  'the relay does not relay': { series: of(/outbox_oldest/, '0x5 0+5x70'), fires: ['OutboxOld{}'] },
  'no queue takes a type of events, and they wait in the outbox': {
    series: {
      ...of(/outcome="returned"/, '0x5 0+3x70'),
      ...of(/outbox_oldest/, '0x5 0+5x70'),
      ...of(/exchange_bindings\{exchange="ordermesh/, since30s('9', '8')),
    },
    fires: ['UnroutableEvents{type="order.placed.v1"}'],
  },
  'one event was returned, once': {
    series: of(/outcome="returned"/, since30s('0', '1')),
    fires: ['UnroutableEvents{type="order.placed.v1"}'],
  },
  'a consumer that is there gets nothing done': {
    series: { ...of(/behind/, '2x5 2+5x70'), ...of(/orders_oldest/, '299x5 299+5x70') },
    fires: ['ConsumerLag{consumer="stock"}'],
  },
  'a stranger holds a message of a quiet queue, which is missed': {
    series: {
      ...QUIET,
      ...of(/messages_unacked\{queue="stock"/, since30s('0', '1')),
      ...of(/missed/, '0x7 1x70'),
    },
    fires: ['UnacknowledgedMessages{consumer="stock"}'],
  },
  'a binding is gone: events that passed the queue by are sent again': {
    series: of(/missed/, '0x5 0+1x70'),
    fires: ['BindingMissing{consumer="stock"}'],
  },
  'a binding is gone, and stays so': {
    series: of(/exchange_bindings\{exchange="ordermesh/, since30s('9', '8')),
    fires: ['BindingMissing{}'],
  },
  'a dead letter, and a look at it': {
    series: of(/queue_messages\{queue="stock.dlq"/, since30s('0', '1')),
    fires: ['DeadLetters{consumer="stock"}'],
  },
  'an order is stuck': {
    series: of(/orders_oldest/, '0x5 299+5x70'),
    fires: ['OrdersStuck{}'],
  },
  'the gateway does not answer, and orders wait for it': {
    series: {
      ...of(/gateway_calls.*done/, '0+1x5 5x70'),
      ...of(/orders_oldest/, '0x15 299+9x60'),
    },
    fires: ['GatewayFailing{}'],
  },
  'a payment is in review': { series: of(/in_review/, since30s('0', '2')), fires: ['PaymentInReview{}'] },
  'mails do not go out': {
    series: of(/lanes_failing\{channel="email"/, since30s('0', '1')),
    fires: ['ChannelFailing{channel="email"}'],
  },
  'a webhook is disabled': {
    series: of(/webhooks_disabled/, since30s('0', '1')),
    fires: ['WebhookDisabled{reason="gone"}'],
  },
  'a pool is exhausted': {
    series: of(/pool_waiting/, since30s('0', '9')),
    fires: ['PoolExhausted{instance="a:8000", pool="order-api"}'],
  },
  'the outbox is not vacuumed': {
    series: of(/dead_tuples\{table="outbox/, since30s('0', '600000')),
    fires: ['DeadTuples{table="outbox_events"}'],
  },
  'there is no partition for tomorrow': {
    series: of(/days_ahead/, since30s('6', '0')),
    fires: ['PartitionMissing{table="event_log"}'],
  },
  'a service is paused: its queue has no consumer, orders wait, and people know': {
    series: {
      ...of(/paused/, since30s('0', '1')),
      ...of(/queue_consumers\{queue="stock"/, since30s('2', '0')),
      ...of(/behind/, '2x5 2+5x70'),
      ...of(/orders_oldest/, '299x5 299+5x70'),
    },
    fires: [],
  },
  'a service is not ready, and nothing else says why': {
    series: of(/ready/, since30s('1', '0')),
    fires: ['NotReady{check="database", instance="s:9100", service="stock"}'],
  },
  'a service is not ready, while dead letters and webhooks wait for somebody': {
    series: {
      ...of(/ready/, since30s('1', '0')),
      ...of(/messages\{queue="stock.dlq"/, since30s('0', '3')),
      ...of(/webhooks_disabled/, since30s('0', '1')),
    },
    fires: [
      'NotReady{check="database", instance="s:9100", service="stock"}',
      'DeadLetters{consumer="stock"}',
      'WebhookDisabled{reason="gone"}',
    ],
  },
  'one node of three is away, and a relay hangs': {
    series: { ...ofThree, ...of(/^up.*r:15692/, since30s('1', '0')), ...of(/outbox_oldest/, '0x5 0+5x70') },
    fires: ['BrokerDown{instance="r:15692"}', 'OutboxOld{}'],
  },
  'two nodes of three are away, and much follows from it': {
    series: {
      ...ofThree,
      ...of(/^up.*r:15692/, since30s('1', '0')),
      'up{job="rabbitmq", instance="r2:15692"}': since30s('1', '0'),
      ...of(/outbox_oldest/, '0x5 0+5x70'),
    },
    fires: ['BrokerDown{instance="r:15692"}', 'BrokerDown{instance="r2:15692"}'],
  },
  'a right is missing, and nobody tells how far consumers are': {
    series: gone(/behind/),
    fires: ['GaugeMissing{metric="ordermesh_consumer_behind_seconds"}'],
  },
};

/** Runs promtool; what it complains of is the error's message. */
function runPromtool(...args: string[]): void {
  try {
    execFileSync(tools!.promtool, args, { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${stdout}\n${stderr}`.trim(), { cause: error });
  }
}

interface Rule {
  alert?: string;
  expr: string;
  for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}
const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] };
const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert);
const severityOf = (name: string) => alerts.find(({ alert }) => alert === name)?.labels?.severity;

/** `OutboxOld{type="x"}` as the sample that Prometheus makes of it. */
const sampleOf = (alert: string) => {
  const [, name = '', labels = ''] = /^(\w+)\{(.*)\}$/.exec(alert) ?? [];
  const all = [`alertname="${name}"`, 'alertstate="firing"', `severity="${severityOf(name)}"`, labels];
  return { labels: `ALERTS{${all.filter(Boolean).join(', ')}}`, value: 1 };
};

withTools('the alert rules', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-rules-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('Prometheus understands them, and its configuration', () => {
    runPromtool('check', 'config', path.resolve('deploy/prometheus/prometheus.yml'));
  });

  /** All at once, because promtool takes its time to start. */
  it('one fault, one alert, within a minute', () => {
    const test = (series: Record<string, string | undefined>, name: string, fires: readonly string[]) => {
      const all = { ...PEACE, ...series };
      const samples = fires.map(sampleOf);
      const late = fires.some((alert) => /^(GaugeMissing|NotReady)/.test(alert));
      const at = (eval_time: string, exp_samples = samples) => ({
        expr: 'ALERTS{alertstate="firing"}',
        eval_time,
        exp_samples,
      });
      return {
        name,
        interval: '5s',
        input_series: Object.entries(all).map(([one, values]) => ({ series: one, values })),
        // The fault is in its second minute then; nothing before it, and nothing else for four more minutes.
        promql_expr_test: [at('25s', []), ...(late ? [] : [at('85s')]), ...(late ? [at('4m')] : [])],
      };
    };
    const file = path.join(folder, 'alerts.test.json');
    const tests = Object.entries(cases).map(([name, { series, fires }]) => test(series, name, fires));
    const peace = test({}, 'in peace', []);
    peace.promql_expr_test.push(
      ...['45s', '3m', '5m', '6m'].map((eval_time) => ({
        expr: 'ALERTS{alertstate="firing"}',
        eval_time,
        exp_samples: [],
      })),
    );
    writeFileSync(
      file,
      JSON.stringify({ rule_files: [RULES], evaluation_interval: '5s', tests: [peace, ...tests] }, null, 2),
    );
    runPromtool('test', 'rules', file);
  });
});

it('every alert is tried', () => {
  const tried = new Set(Object.values(cases).flatMap(({ fires }) => fires.map((one) => one.split('{')[0])));
  expect(alerts.map(({ alert }) => alert).filter((alert) => !tried.has(alert))).toEqual([]);
});

it('every alert says what is the matter, how bad it is, and where to read what to do', () => {
  const index = readFileSync('docs/runbooks/README.md', 'utf8');
  for (const { alert = '', labels, annotations } of alerts) {
    expect(labels).toEqual({ severity: expect.stringMatching(/^(critical|warning)$/) });
    expect(annotations?.summary).toMatch(/\.$/);
    const runbook = annotations?.runbook_url ?? '';
    expect(runbook).toBe(`docs/runbooks/${alert.replace(/\B([A-Z])/g, '-$1').toLowerCase()}.md`);
    expect([runbook, existsSync(runbook)]).toEqual([runbook, true]);
    expect(index).toContain(`[${alert}](${path.basename(runbook)})`);
    // What it means, how to look, what to do, how to know that it is over.
    const headings = [...readFileSync(runbook, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([alert, 'What it means', 'Look', 'Do', 'Over']);
  }
});
