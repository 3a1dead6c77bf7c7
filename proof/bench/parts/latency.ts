import type { Bench, Part } from '../bench';
import { orderRequests } from '../environment/menu';
import { startBenchMesh, untilDrained, type BenchMesh } from '../environment/mesh';
import { startService, type MeasuredProcess } from '../../testbed/measured-process';
import { inScope, type Scope } from '../../testbed/scope';
import { succeeded } from '../load/job';
import { LoadGenerator } from '../load/load-generator';
import { CostMeter, type Cost } from '../measure/cost-meter';
import { waitsOf } from '../measure/orders';
import { summarize, type Latencies } from '../measure/percentiles';
import { spread } from '../measure/spread';
import type { Figure, Reach } from '../report/figure';
import { sustainedRate } from './sustained-rate';

/** What most shops never exceed. */
const QUIET_RATE = 150;
const CONNECTIONS = 128;

type Relay = 'ours' | 'polling';

interface Measured {
  post: Latencies;
  preparing: Latencies;
  cost: Cost;
  /** The share of the orders that were accepted, and that were PREPARING within a second of the time's end. */
  done: number;
}

export const latency: Part = {
  name: 'latency',
  what: `from placed to PREPARING, and of POST, and what an order costs, at ${QUIET_RATE} orders/s and at half of the mesh's own rate`,
  async run(bench, scope) {
    const mesh = await startBenchMesh(bench, scope, 'latency', { withoutRelay: true });
    const generator = LoadGenerator.start(bench, scope);
    await withRelay(bench, scope, mesh, 'ours', (relay) => measure(bench, mesh, relay, generator, 200, 3)); // compiled by then
    const half = Math.round((await meshRate(bench, scope, mesh, generator)) / 2);
    const found = [
      await compare(bench, scope, mesh, generator, QUIET_RATE, {}),
      await compare(bench, scope, mesh, generator, half, HALF),
    ];
    return {
      figures: found.flatMap(({ figures }) => figures),
      remarks: found.flatMap(({ remarks }) => remarks),
    };
  },
};

/** To be reached at half of the mesh's own rate; at the quiet one the duel judges. */
const HALF: Reaches = {
  preparing: { of: 'ours', atMost: 100 },
  post: { of: 'ours', atMost: 30 },
};

interface Reaches {
  /** Of the 99th percentile. */
  preparing?: Reach;
  post?: Reach;
}

async function compare(
  bench: Bench,
  scope: Scope,
  mesh: BenchMesh,
  generator: LoadGenerator,
  rate: number,
  reaches: Reaches,
): Promise<{ figures: Figure[]; remarks: string[] }> {
  const seconds = bench.seconds(8);
  const rounds: Record<Relay, Measured[]> = { ours: [], polling: [] };
  for (let round = 1; round <= bench.rounds; round += 1) {
    for (const relay of ['ours', 'polling'] as const)
      rounds[relay].push(
        await withRelay(bench, scope, mesh, relay, (process) =>
          measure(bench, mesh, process, generator, rate, seconds),
        ),
      );
    const [one, other] = Object.values(rounds).map((all) => Math.round(all.at(-1)!.preparing.p50));
    bench.control.say(
      `latency at ${rate}/s, round ${round} of ${bench.rounds}: p50 ${one} ms, baseline ${other} ms`,
    );
  }
  const figure = (what: string, of: (measured: Measured) => number, reach?: Reach): Figure => ({
    part: 'latency',
    what: `${what} at ${rate}/s, ms`,
    ours: spread(rounds.ours.map(of)),
    baseline: { name: 'polling each second', value: spread(rounds.polling.map(of)) },
    reach,
  });
  const done = spread(rounds.ours.map((round) => round.done));
  const costs = rounds.ours.every(({ cost }) => cost.cpuMs !== undefined)
    ? [figure('CPU an order', ({ cost }) => cost.cpuMs ?? NaN)]
    : [];
  const wal = spread(rounds.ours.map(({ cost }) => cost.walBytes));
  return {
    figures: [
      figure('PREPARING p50', ({ preparing }) => preparing.p50),
      figure('PREPARING p99', ({ preparing }) => preparing.p99, reaches.preparing),
      figure('POST p50', ({ post }) => post.p50),
      figure('POST p99', ({ post }) => post.p99, reaches.post),
      ...costs,
      { part: 'latency', what: `WAL at ${rate}/s, bytes an order`, ours: wal },
    ],
    remarks: [
      `at ${rate}/s, ${(100 * done.min).toFixed(1)} % of the orders and more were PREPARING within a second of the end`,
    ],
  };
}

async function measure(
  bench: Bench,
  mesh: BenchMesh,
  relay: MeasuredProcess,
  generator: LoadGenerator,
  rate: number,
  seconds: number,
): Promise<Measured> {
  const meter = new CostMeter(bench.servers, [...mesh.processes, relay], mesh.world);
  const outcome = await generator.run(
    {
      url: mesh.apiUrl,
      requests: orderRequests(mesh.menus),
      connections: CONNECTIONS,
      warmUpMs: 2_000,
      measureMs: seconds * 1000,
      load: { kind: 'open', rate, patienceMs: 5_000 },
    },
    { began: () => meter.begin(), ended: () => meter.end() },
  );
  await untilDrained(bench, mesh.world);
  const waits = await waitsOf(mesh.world, outcome);
  const soon = waits.filter(({ at, ms }) => at + ms <= outcome.to + 1_000).length;
  const accepted = succeeded(outcome.statuses) / (rate * seconds);
  return {
    post: outcome.latencies,
    preparing: summarize(waits.map(({ ms }) => ms)),
    cost: await meter.per(waits.length),
    done: Math.min(accepted, soon / waits.length),
  };
}

function withRelay<T>(
  bench: Bench,
  outer: Scope,
  { environment }: BenchMesh,
  relay: Relay,
  work: (relay: MeasuredProcess) => Promise<T>,
): Promise<T> {
  return inScope(outer, async (scope) => {
    const process =
      relay === 'ours'
        ? await startService(bench, scope, 'outbox-publisher', environment)
        : await startService(
            bench,
            scope,
            'polling-relay',
            environment,
            'proof/bench/baselines/polling-relay.js',
          );
    return work(process);
  });
}

async function meshRate(
  bench: Bench,
  scope: Scope,
  mesh: BenchMesh,
  generator: LoadGenerator,
): Promise<number> {
  bench.meshRate ??= await withRelay(bench, scope, mesh, 'ours', async () => {
    const time = { warmUpSeconds: 3, seconds: bench.seconds(10) };
    return (await sustainedRate(bench, mesh, generator, orderRequests(mesh.menus), time)).rate;
  });
  return bench.meshRate;
}
