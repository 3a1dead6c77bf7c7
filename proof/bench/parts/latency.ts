import type { Bench, Part } from '../bench';
import { orderRequests } from '../environment/menu';
import { startBenchMesh, untilDrained, type BenchMesh } from '../environment/mesh';
import { startService } from '../../testbed/measured-process';
import { inScope, type Scope } from '../../testbed/scope';
import { succeeded, type Outcome } from '../load/job';
import { LoadGenerator } from '../load/load-generator';
import { summarize, type Latencies } from '../measure/percentiles';
import { spread } from '../measure/spread';
import type { Figure, Reach } from '../report/figure';
import { sustainedRate } from './sustained-rate';

const RATE = 500;
const CONNECTIONS = 128;
/** Less than this share of the load done is not sustained. */
const DONE = 0.98;

type Relay = 'ours' | 'polling';

interface Measured {
  post: Latencies;
  preparing: Latencies;
  /** The share of the orders that were accepted, and that were PREPARING within a second of the time's end. */
  done: number;
}

export const latency: Part = {
  name: 'latency',
  what: 'from placed to PREPARING, and of POST, at 500 orders/s, beside a relay that polls each second',
  async run(bench, scope) {
    const mesh = await startBenchMesh(bench, scope, 'latency', { withoutRelay: true });
    const generator = LoadGenerator.start(bench, scope);
    await withRelay(bench, scope, mesh, 'ours', () => measure(bench, mesh, generator, 200, 3)); // compiled by then
    const at = (rate: number) => compare(bench, scope, mesh, generator, rate);
    const first = await at(RATE);
    if (first.sustained) return { figures: first.figures, remarks: first.remarks };

    const half = Math.round((await meshRate(bench, scope, mesh, generator)) / 2);
    const second = await at(half);
    const remark = `this machine did not sustain ${RATE} orders/s; so also at ${half}/s, half of the mesh's own rate here`;
    return {
      figures: [...first.figures, ...second.figures],
      remarks: [remark, ...first.remarks, ...second.remarks],
    };
  },
};

async function compare(
  bench: Bench,
  scope: Scope,
  mesh: BenchMesh,
  generator: LoadGenerator,
  rate: number,
): Promise<{ figures: Figure[]; remarks: string[]; sustained: boolean }> {
  const seconds = bench.seconds(8);
  const rounds: Record<Relay, Measured[]> = { ours: [], polling: [] };
  for (let round = 1; round <= bench.rounds; round += 1) {
    for (const relay of ['ours', 'polling'] as const)
      rounds[relay].push(
        await withRelay(bench, scope, mesh, relay, () => measure(bench, mesh, generator, rate, seconds)),
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
  return {
    sustained: done.median >= DONE,
    figures: [
      figure('PREPARING p50', ({ preparing }) => preparing.p50, { of: 'ours', atMost: 60 }),
      figure('PREPARING p99', ({ preparing }) => preparing.p99, { of: 'ours', atMost: 250 }),
      figure('POST p50', ({ post }) => post.p50),
      figure('POST p99', ({ post }) => post.p99, { of: 'ours', atMost: 50 }),
    ],
    remarks: [
      `at ${rate}/s, ${(100 * done.min).toFixed(1)} % of the orders and more were PREPARING within a second of the end`,
    ],
  };
}

async function measure(
  bench: Bench,
  mesh: BenchMesh,
  generator: LoadGenerator,
  rate: number,
  seconds: number,
): Promise<Measured> {
  const outcome = await generator.run({
    url: mesh.apiUrl,
    requests: orderRequests(mesh.menus),
    connections: CONNECTIONS,
    warmUpMs: 2_000,
    measureMs: seconds * 1000,
    load: { kind: 'open', rate, patienceMs: 5_000 },
  });
  await untilDrained(bench, mesh.world);
  const waits = await waitsOf(mesh, outcome);
  const soon = waits.filter(({ at, ms }) => at + ms <= outcome.to + 1_000).length;
  const accepted = succeeded(outcome.statuses) / (rate * seconds);
  return {
    post: outcome.latencies,
    preparing: summarize(waits.map(({ ms }) => ms)),
    done: Math.min(accepted, soon / waits.length),
  };
}

/** From `placed_at` to the move to PREPARING: both are this machine's clock, and reading them burdens nobody. */
const waitsOf = ({ world }: BenchMesh, { from, to }: Outcome): Promise<{ at: number; ms: number }[]> =>
  world.query(
    `SELECT extract(epoch FROM o.placed_at)::float8 * 1000 AS at,
       extract(epoch FROM h.moved_at - o.placed_at)::float8 * 1000 AS ms
     FROM orders o JOIN order_status_history h ON h.order_id = o.id AND h.to_status = 'PREPARING'
     WHERE o.placed_at >= to_timestamp($1 / 1000.0) AND o.placed_at < to_timestamp($2 / 1000.0)`,
    [from, to],
  );

function withRelay<T>(
  bench: Bench,
  outer: Scope,
  { environment }: BenchMesh,
  relay: Relay,
  work: () => Promise<T>,
): Promise<T> {
  return inScope(outer, async (scope) => {
    if (relay === 'ours') await startService(bench, scope, 'outbox-publisher', environment);
    else
      await startService(
        bench,
        scope,
        'polling-relay',
        environment,
        'proof/bench/baselines/polling-relay.js',
      );
    return work();
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
