import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { answering, startReceiver, type Receiver } from '../notification-service/testing/receivers';
import { foldersWith } from '../shared/service/service-folders';
import { startMesh, type Mesh } from '../shared/testing/mesh';
import { until } from '../shared/testing/until';
import { findPrometheus } from './find-prometheus';
import { startOwnBroker, type OwnBroker } from './own-broker';
import { RULES, startPrometheus, targetsOf, vhostOf, type OwnPrometheus } from './own-prometheus';

// The dashboards and the rules against a real Prometheus that watches a real mesh: each query has an answer there. That
// Grafana shows them is not tried, because there is no Grafana to be had from Debian; their form is looked at instead.

interface Panel {
  id: number;
  title: string;
  type: string;
  datasource: { type: string; uid: string };
  targets: { expr: string; legendFormat: string; datasource: { uid: string } }[];
  fieldConfig: { defaults: { unit: string } };
  gridPos: { x: number; y: number; w: number; h: number };
}
interface Dashboard {
  uid: string;
  title: string;
  description: string;
  templating: { list: { name: string; type: string; query: unknown }[] };
  panels: Panel[];
}

const FOLDER = 'deploy/grafana/dashboards';
const dashboards = readdirSync(FOLDER).map((file) => ({
  file,
  ...(JSON.parse(readFileSync(path.join(FOLDER, file), 'utf8')) as Dashboard),
}));
/** As Grafana asks; the service is one that consumes. */
const asked = (expression: string) =>
  expression.replaceAll('$__rate_interval', '1m').replaceAll('$service', 'inventory-service');
const queries = dashboards.flatMap(({ file, panels }) =>
  panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({ where: `${file}, ${title}`, expr: asked(expr) })),
  ),
);
type Rule = { record?: string; alert?: string; expr: string };
const rules = (parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

describe('the dashboards', () => {
  it('there are four', () => {
    expect(dashboards.map(({ file }) => file)).toEqual([
      'mesh.json',
      'postgresql.json',
      'rabbitmq.json',
      'service.json',
    ]);
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(4);
  });

  it.each(dashboards)(
    '$file: the data source can be chosen, and every panel says what it shows in which unit',
    (one) => {
      expect(one.title && one.description).toBeTruthy();
      const { list } = one.templating;
      expect(list.filter(({ type }) => type === 'datasource').map(({ name }) => name)).toEqual([
        'datasource',
      ]);
      const variables = new Set(['__rate_interval', ...list.map(({ name }) => name)]);
      expect(new Set(one.panels.map(({ id }) => id)).size).toBe(one.panels.length);
      expect(one.panels.length).toBeLessThanOrEqual(18);
      for (const { title, type, datasource, targets, fieldConfig, gridPos } of one.panels) {
        expect(title).toBeTruthy();
        expect(['stat', 'timeseries']).toContain(type);
        expect(fieldConfig.defaults.unit).toBeTruthy();
        expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
        expect(targets.length).toBeGreaterThan(0);
        for (const { uid } of [datasource, ...targets.map((target) => target.datasource)])
          expect(uid).toBe('${datasource}');
        for (const { expr, legendFormat } of targets) {
          for (const [, name = ''] of expr.matchAll(/\$([a-z_]\w*)/g)) expect(variables).toContain(name);
          if (type === 'timeseries') expect(legendFormat).toBeTruthy();
        }
      }
    },
  );

  it('no panel is on top of another', () => {
    for (const { file, panels } of dashboards) {
      const taken = new Map<string, string>();
      for (const { title, gridPos } of panels)
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
            expect([file, title, taken.get(`${x} ${y}`)]).toEqual([file, title, undefined]);
            taken.set(`${x} ${y}`, title);
          }
    }
  });
});

it('Prometheus finds every service, and what the dashboards are told of is there', () => {
  const { scrape_configs } = parse(readFileSync('deploy/prometheus/prometheus.yml', 'utf8')) as {
    scrape_configs: { job_name: string; dns_sd_configs: { names: string[] }[] }[];
  };
  const found = scrape_configs
    .filter(({ job_name }) => job_name === 'ordermesh')
    .flatMap(({ dns_sd_configs }) => dns_sd_configs.flatMap(({ names }) => names));
  const services = foldersWith('main.js', path.resolve('dist'))
    .filter(({ name, isExample }) => !isExample && name !== 'payment-simulator') // it stands in for somebody else's
    .map(({ name }) => name);
  expect(found.sort()).toEqual(services.sort());
  const sources = parse(readFileSync('deploy/grafana/provisioning/datasources/ordermesh.yml', 'utf8')) as {
    datasources: { type: string; url: string }[];
  };
  const { services: containers } = parse(readFileSync('docker-compose.yml', 'utf8')) as {
    services: Record<string, unknown>;
  };
  for (const { url } of sources.datasources) expect(Object.keys(containers)).toContain(new URL(url).hostname);
});

const tools = findPrometheus();

(tools ? describe : describe.skip)('with a mesh that is at work', () => {
  let broker: OwnBroker;
  let receiver: Receiver;
  let mesh: Mesh;
  let prometheus: OwnPrometheus;

  beforeAll(async () => {
    [broker, receiver] = await Promise.all([startOwnBroker(), startReceiver(answering(200))]);
    mesh = await startMesh({ broker: broker.urls, environment: { WEBHOOK_ALLOW_PRIVATE: 'true' } });
    prometheus = await startPrometheus(
      tools!.prometheus,
      targetsOf(mesh, broker.urls.metrics),
      vhostOf(mesh),
    );
    const { restaurantId, itemId } = await mesh.addItem(100);
    await mesh.ask('POST', '/webhooks', { url: receiver.url });
    const delivered = await mesh.place(restaurantId, itemId);
    const paid = await mesh.place(restaurantId, itemId, 1, 'tok_approved');
    await mesh.reaches(await mesh.place(restaurantId, itemId, 1_000), 'CANCELLED');
    for (const id of [delivered, paid]) await mesh.reaches(id, 'PREPARING');
    for (const status of ['OUT_FOR_DELIVERY', 'DELIVERED'])
      await mesh.ask('PATCH', `/orders/${delivered}/status`, { status });
    await until('a webhook', () => receiver.got.length > 0);
  }, 120_000);
  afterAll(async () => {
    await prometheus?.stop();
    await mesh?.stop();
    await receiver?.stop();
    await broker?.stop();
  });

  it('every query of the dashboards has an answer', async () => {
    expect(queries.length).toBeGreaterThan(60);
    let open = queries;
    const look = async () => {
      const answers = await Promise.all(open.map(({ expr }) => prometheus.query(expr)));
      open = open.filter((_, at) => answers[at]!.length === 0);
      return open.length === 0;
    };
    await until('all answers', look, 60_000).catch(() => undefined);
    expect(open).toEqual([]);
  }, 70_000);

  it('every metric that the dashboards and the rules name is one that somebody tells', async () => {
    const named = [...queries, ...rules].flatMap(
      ({ expr }) =>
        expr.replaceAll(/"[^"]*"/g, '').match(/\b(up|(ordermesh|rabbitmq|http|process|nodejs)[\w:]+)\b/g) ??
        [],
    );
    const recorded = new Set(rules.map(({ record }) => record));
    const metrics = [...new Set(named)].filter((name) => !recorded.has(name));
    expect(metrics.length).toBeGreaterThan(50);
    const known = new Set(
      (await prometheus.query('count by (__name__) ({__name__=~".+"})')).map(({ metric }) => metric.__name__),
    );
    expect(metrics.filter((name) => !known.has(name))).toEqual([]);
  });

  it('every target answers, every rule can be judged, and there is no alert', async () => {
    const services = ['analytics', 'inventory', 'notification', 'payment', 'status'].map(
      (name) => `${name}-service`,
    );
    const look = async () => {
      const targets = await prometheus.targets();
      const judged = await prometheus.rules();
      const consumers = await prometheus.query('ordermesh:consumers');
      return {
        away: targets.filter(({ health }) => health !== 'up'),
        pools: new Set(targets.map(({ scrapePool }) => scrapePool)).size,
        rules: judged.length,
        failing: judged.filter(({ health }) => health !== 'ok'),
        alerts: await prometheus.firing(),
        // What shows that the conditions are judged at all: each service's queue has its consumer, and says what it holds.
        consumers: consumers.map(({ metric, value }) => `${metric.consumer} ${value}`).toSorted(),
        held: (await prometheus.query('ordermesh:held'))
          .map(({ metric }) => String(metric.consumer))
          .toSorted(),
      };
    };
    const good: Awaited<ReturnType<typeof look>> = {
      away: [],
      pools: 3,
      rules: rules.length,
      failing: [],
      alerts: [],
      consumers: services.map((name) => `${name} 1`),
      held: services,
    };
    // On a busy machine an answer may come too late for one scrape, and what follows from it is left out for a moment.
    let found = await look();
    const all = async () => JSON.stringify((found = await look())) === JSON.stringify(good);
    await until('all in order', all, 60_000).catch(() => undefined);
    expect(found).toEqual(good);
  }, 70_000);
});
