import type { Bench, Part } from '../bench';
import { makeMenus, orderRequests } from '../environment/menu';
import { startService } from '../../testbed/measured-process';
import type { Scope } from '../../testbed/scope';
import { openWorld, type World } from '../environment/world';
import { ratePerSecond, type HttpRequest, type Outcome } from '../load/job';
import { LoadGenerator } from '../load/load-generator';
import { spread } from '../measure/spread';
import type { Figure } from '../report/figure';

export const CONNECTIONS = 32;
const REACH = 2.5;
/** Of the baseline's highest rate: a load that both can take, and so one at which their latencies compare. */
const SHARE = 0.6;

/** Something that takes orders over HTTP. */
export interface Taker {
  url: string;
  requests: HttpRequest[];
}

export interface TakerOptions {
  /** Of its world, where that is not the service's. */
  name?: string;
  /** A stand-in's, below dist/. */
  file?: string;
  env?: Record<string, string>;
  /** The world with another login. */
  seenAs?: (world: World) => Promise<World>;
}

/** order-api, or a stand-in for it, on a database of its own and without the rest of the mesh. */
export async function startTaker(
  bench: Bench,
  scope: Scope,
  service: string,
  { name = service, file, env = {}, seenAs = async (world) => world }: TakerOptions = {},
): Promise<Taker & { databaseUrl: string }> {
  const world = scope.own(await openWorld(bench.servers, name, false));
  const requests = orderRequests(await makeMenus(world.databaseUrl));
  await world.settle();
  const { databaseUrl } = await seenAs(world);
  const { url } = await startService(bench, scope, service, { ...env, DATABASE_URL: databaseUrl }, file);
  return { url, requests, databaseUrl: world.databaseUrl };
}

/** The highest rate: each connection sends on as soon as it is answered. */
export const highestRate = (
  generator: LoadGenerator,
  taker: Taker,
  seconds: number,
  warmUpSeconds = 0.5,
): Promise<Outcome> =>
  generator.run({
    ...taker,
    connections: CONNECTIONS,
    warmUpMs: warmUpSeconds * 1000,
    measureMs: seconds * 1000,
    load: { kind: 'closed' },
  });

export const accept: Part = {
  name: 'accept',
  what: 'POST /orders, order-api alone, beside Express with one Prisma interactive transaction',
  async run(bench, scope) {
    const seconds = bench.seconds(5);
    const generator = LoadGenerator.start(bench, scope);
    const ours = await startTaker(bench, scope, 'order-api');
    const baseline = await startTaker(bench, scope, 'express-prisma', {
      file: 'proof/bench/baselines/express-prisma.js',
    });
    const both = [ours, baseline];
    for (const taker of both) await highestRate(generator, taker, 1, 1); // compiled by then

    const rounds: Outcome[][] = [[], []];
    for (let round = 1; round <= bench.rounds; round += 1) {
      for (const [index, taker] of both.entries())
        rounds[index]!.push(await highestRate(generator, taker, seconds));
      const [one, other] = rounds.map((outcomes) => Math.round(ratePerSecond(outcomes.at(-1)!)));
      bench.control.say(`accept, round ${round} of ${bench.rounds}: ${one}/s, baseline ${other}/s`);
    }
    const rate = Math.round(SHARE * spread(rounds[1]!.map(ratePerSecond)).median);
    const open: Outcome[] = [];
    for (const taker of both) open.push(await atRate(generator, taker, rate, seconds));

    const name = 'Express + Prisma';
    const figure = (what: string, of: (outcome: Outcome) => number, outcomes = rounds): Figure => ({
      part: 'accept',
      what,
      ours: spread(outcomes[0]!.map(of)),
      baseline: { name, value: spread(outcomes[1]!.map(of)) },
    });
    const opened = open.map((outcome) => [outcome]);
    return {
      figures: [
        { ...figure('orders/s, 32 connections', ratePerSecond), reach: { of: 'ratio', atLeast: REACH } },
        figure(`POST p50 at ${rate}/s, ms`, ({ latencies }) => latencies.p50, opened),
        figure(`POST p99 at ${rate}/s, ms`, ({ latencies }) => latencies.p99, opened),
        figure('POST p50, 32 always waiting, ms', ({ latencies }) => latencies.p50),
        figure('POST p99, 32 always waiting, ms', ({ latencies }) => latencies.p99),
      ],
      remarks: failures([...rounds.flat(), ...open]),
    };
  },
};

const atRate = (generator: LoadGenerator, taker: Taker, rate: number, seconds: number): Promise<Outcome> =>
  generator.run({
    ...taker,
    connections: 4 * CONNECTIONS,
    warmUpMs: 1000,
    measureMs: seconds * 1000,
    load: { kind: 'open', rate, patienceMs: 5_000 },
  });

/** Answers that were no success: a rate that owes itself to refusals is none. */
export function failures(outcomes: readonly Outcome[]): string[] {
  const bad: Record<string, number> = {};
  for (const { statuses, unanswered } of outcomes) {
    for (const [status, count] of Object.entries({ ...statuses, unanswered }))
      if (!status.startsWith('2') && count > 0) bad[status] = (bad[status] ?? 0) + count;
  }
  const list = Object.entries(bad).map(([status, count]) => `${count} × ${status}`);
  return list.length > 0 ? [`not all was well: ${list.join(', ')}`] : [];
}
