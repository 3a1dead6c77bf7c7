import type { Bench, Part } from '../bench';
import { orderRequests } from '../environment/menu';
import { startBenchMesh } from '../environment/mesh';
import { installPeers, peers, startPeer, type Contender, type Peer } from '../environment/peers';
import { LoadGenerator } from '../load/load-generator';
import { CostMeter, type Cost } from '../measure/cost-meter';
import { preparedIn, waitsOf } from '../measure/orders';
import { summarize, type Latencies } from '../measure/percentiles';
import { spread, type Spread } from '../measure/spread';
import { waitUntil } from '../../../scripts/servers/wait-until';
import { inScope, type Scope } from '../../testbed/scope';
import type { Figure, Reach } from '../report/figure';
import { IN_FLIGHT } from './sustained-rate';

/** What most shops never exceed. */
const QUIET_RATE = 150;
const CONNECTIONS = 128;

type Name = 'Ordermesh' | Peer;

interface Measured {
  full: { rate: number; cost: Cost };
  quiet: { post: Latencies; preparing: Latencies; cost: Cost };
}

export const duel: Part = {
  name: 'duel',
  what: `beside ${peers.join(', ')} at the same job, full and at ${QUIET_RATE} orders/s (installs them)`,
  long: true,
  async run(bench, scope) {
    await installPeers(bench);
    const rounds = new Map<Name, Measured[]>((['Ordermesh', ...peers] as const).map((name) => [name, []]));
    for (let round = 1; round <= bench.rounds; round += 1) {
      // Backwards every second time: what changes on the machine meanwhile falls on all of them.
      const names = [...rounds.keys()];
      for (const name of round % 2 === 0 ? names.toReversed() : names) {
        const measured = await inScope(scope, (inner) =>
          measure(bench, inner, name, `duel-${name}-${round}`),
        );
        rounds.get(name)?.push(measured);
        const { full, quiet } = measured;
        bench.control.say(
          `duel, round ${round} of ${bench.rounds}: ${name} ${Math.round(full.rate)}/s; at ${QUIET_RATE}/s PREPARING p50 ` +
            `${Math.round(quiet.preparing.p50)} ms, p99 ${Math.round(quiet.preparing.p99)} ms`,
        );
      }
    }
    return { figures: figuresOf(rounds), remarks: remarksOf(rounds.get('Ordermesh') ?? []) };
  },
};

const start = async (bench: Bench, scope: Scope, name: Name, world: string): Promise<Contender> =>
  name === 'Ordermesh' ? startBenchMesh(bench, scope, world) : startPeer(bench, scope, name, world);

async function measure(bench: Bench, scope: Scope, name: Name, world: string): Promise<Measured> {
  const contender = await start(bench, scope, name, world);
  const generator = LoadGenerator.start(bench, scope);
  const full = await measureFull(bench, contender, generator);
  await untilPrepared(bench, contender);
  return { full, quiet: await measureQuiet(bench, contender, generator) };
}

async function measureFull(
  bench: Bench,
  { world, menus, apiUrl, processes }: Contender,
  generator: LoadGenerator,
): Promise<Measured['full']> {
  const seconds = bench.seconds(20);
  const meter = new CostMeter(bench.servers, processes, world);
  const outcome = await generator.run(
    {
      url: apiUrl,
      requests: orderRequests(menus),
      connections: CONNECTIONS,
      warmUpMs: Math.min(8, seconds) * 1000,
      measureMs: seconds * 1000,
      load: { kind: 'bounded', inFlight: IN_FLIGHT, databaseUrl: world.databaseUrl },
    },
    { began: () => meter.begin(), ended: () => meter.end() },
  );
  const [orders = 0] = await preparedIn(world, outcome, 1);
  return { rate: orders / seconds, cost: await meter.per(orders) };
}

async function measureQuiet(
  bench: Bench,
  contender: Contender,
  generator: LoadGenerator,
): Promise<Measured['quiet']> {
  const { world, menus, apiUrl, processes } = contender;
  const seconds = bench.seconds(15);
  const meter = new CostMeter(bench.servers, processes, world);
  const outcome = await generator.run(
    {
      url: apiUrl,
      requests: orderRequests(menus),
      connections: CONNECTIONS,
      warmUpMs: 2_000,
      measureMs: seconds * 1000,
      load: { kind: 'open', rate: QUIET_RATE, patienceMs: 10_000 },
    },
    { began: () => meter.begin(), ended: () => meter.end() },
  );
  await untilPrepared(bench, contender);
  const waits = await waitsOf(world, outcome);
  return {
    post: outcome.latencies,
    preparing: summarize(waits.map(({ ms }) => ms)),
    cost: await meter.per(waits.length),
  };
}

function untilPrepared(bench: Bench, { world }: Contender): Promise<void> {
  const ask = async () => {
    const [row] = await world.query<{ orders: number }>(
      `SELECT count(*)::int AS orders FROM orders WHERE status = 'PLACED'`,
    );
    if (row?.orders !== 0) throw new Error(`${row?.orders} orders wait`);
  };
  return waitUntil(ask, {
    what: 'All orders to be PREPARING',
    timeoutMs: 60_000,
    everyMs: 250,
    signal: bench.control.stopping,
  });
}

type Reaches = Partial<Record<Peer | 'all', Reach>>;
const ratio = (bound: Omit<Reach, 'of'>): Reach => ({ of: 'ratio', ...bound });

const FIGURES: readonly [what: string, of: (measured: Measured) => number | undefined, reach: Reaches][] = [
  ['full: orders/s', ({ full }) => full.rate, { all: ratio({ atLeast: 2.5 }) }],
  ['full: CPU ms an order', ({ full }) => full.cost.cpuMs, { all: ratio({ atMost: 0.4 }) }],
  ['full: WAL bytes an order', ({ full }) => full.cost.walBytes, {}],
  ['PREPARING p50, ms', ({ quiet }) => quiet.preparing.p50, { 'pg-boss': ratio({ atMost: 1.5 }) }],
  ['PREPARING p99, ms', ({ quiet }) => quiet.preparing.p99, { 'pg-boss': ratio({ atMost: 1 }) }],
  ['POST p50, ms', ({ quiet }) => quiet.post.p50, { 'pg-boss': ratio({ atMost: 0.8 }) }],
  ['POST p99, ms', ({ quiet }) => quiet.post.p99, { 'pg-boss': ratio({ atMost: 0.8 }) }],
  ['CPU ms an order', ({ quiet }) => quiet.cost.cpuMs, { 'pg-boss': ratio({ atMost: 0.6 }) }],
  ['WAL bytes an order', ({ quiet }) => quiet.cost.walBytes, {}],
];

function figuresOf(rounds: ReadonlyMap<Name, readonly Measured[]>): Figure[] {
  const of = (name: Name, read: (measured: Measured) => number | undefined): Spread | undefined => {
    const values = (rounds.get(name) ?? []).map(read).filter((value) => value !== undefined);
    return values.length > 0 ? spread(values) : undefined;
  };
  return FIGURES.flatMap(([what, read, reach]) =>
    peers.flatMap((peer): Figure[] => {
      const [ours, value] = [of('Ordermesh', read), of(peer, read)];
      if (!ours || !value) return [];
      const isFull = what.startsWith('full');
      return [
        {
          part: 'duel',
          what: isFull ? what : `at ${QUIET_RATE}/s: ${what}`,
          ours,
          baseline: { name: peer, value },
          reach: reach[peer] ?? reach.all,
        },
      ];
    }),
  );
}

/** Where ours goes, in the last round. */
function remarksOf(rounds: readonly Measured[]): string[] {
  const last = rounds.at(-1);
  return (['full', 'quiet'] as const).flatMap((part) => {
    const by = last?.[part].cost.cpuMsBy;
    if (!by) return [];
    const shares = Object.entries(by)
      .sort(([, a], [, b]) => b - a)
      .map(([name, ms]) => `${name} ${ms.toFixed(2)}`);
    return [
      `Ordermesh, ${part === 'full' ? part : `at ${QUIET_RATE}/s`}, CPU ms an order: ${shares.join(', ')}`,
    ];
  });
}
