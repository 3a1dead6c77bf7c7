import type { Bench, Part } from '../bench';
import { fillOutbox } from '../environment/fill-tables';
import { withOwnLogin } from '../environment/own-logins';
import { openWorld, type World } from '../environment/world';
import type { Scope } from '../../testbed/scope';
import { ratePerSecond, type Outcome } from '../load/job';
import { LoadGenerator } from '../load/load-generator';
import { drainRate } from '../measure/drain-rate';
import { spread } from '../measure/spread';
import { failures, highestRate, startTaker } from './accept';
import { markedSince, untilEmpty, withRelay } from './drain-outbox';

const ROWS = 50_000;
const REACH = 0.95;
const baselineName = 'one owner of all tables';

/** What row-level security and rights cost: every insert into the outbox is checked. */
export const logins: Part = {
  name: 'logins',
  what: 'POST /orders and the relay with logins that may do no more than they need, beside the owner of all tables',
  async run(bench, scope) {
    const accepted = await accepting(bench, scope);
    const relayed = await relaying(bench, scope);
    const reach = { of: 'ratio', atLeast: REACH } as const;
    const figure = (what: string, [ours, baseline]: number[][]) => ({
      part: 'logins',
      what,
      ours: spread(ours!),
      baseline: { name: baselineName, value: spread(baseline!) },
      reach,
    });
    const rates = accepted.map((outcomes) => outcomes.map(ratePerSecond));
    return {
      figures: [
        figure('orders/s, 32 connections', rates),
        figure('events/s of the relay, 50,000 waiting', relayed),
      ],
      remarks: failures(accepted.flat()),
    };
  },
};

async function accepting(bench: Bench, scope: Scope): Promise<Outcome[][]> {
  const generator = LoadGenerator.start(bench, scope);
  const own = (world: World) => withOwnLogin(bench.servers, world, 'order-api');
  const takers = [
    await startTaker(bench, scope, 'order-api', { name: 'logins', seenAs: own }),
    await startTaker(bench, scope, 'order-api', { name: 'owner' }),
  ];
  for (const taker of takers) await highestRate(generator, taker, 1, 1); // compiled by then
  const rounds: Outcome[][] = [[], []];
  for (let round = 1; round <= bench.rounds; round += 1) {
    // Each comes first as often: the tables grow.
    for (const index of round % 2 ? [0, 1] : [1, 0])
      rounds[index]!.push(await highestRate(generator, takers[index]!, bench.seconds(5)));
    const [one, other] = rounds.map((outcomes) => Math.round(ratePerSecond(outcomes.at(-1)!)));
    bench.control.say(
      `logins, orders, round ${round} of ${bench.rounds}: ${one}/s, ${baselineName} ${other}/s`,
    );
  }
  return rounds;
}

async function relaying(bench: Bench, scope: Scope): Promise<number[][]> {
  const owner = scope.own(await openWorld(bench.servers, 'logins-relay', false));
  const own = await withOwnLogin(bench.servers, owner, 'outbox-publisher');
  const rates: number[][] = [[], []];
  for (let round = 1; round <= bench.rounds; round += 1) {
    for (const index of round % 2 ? [0, 1] : [1, 0]) {
      await owner.query('TRUNCATE event_log, outbox_events');
      await fillOutbox(owner, ROWS);
      await owner.settle();
      const from = new Date();
      await withRelay(bench, scope, owner, () => untilEmpty(bench, owner), index ? owner : own);
      rates[index]!.push(drainRate(await markedSince(owner, from)));
    }
    const [one, other] = rates.map((all) => Math.round(all.at(-1)!));
    bench.control.say(
      `logins, relay, round ${round} of ${bench.rounds}: ${one}/s, ${baselineName} ${other}/s`,
    );
  }
  return rates;
}
