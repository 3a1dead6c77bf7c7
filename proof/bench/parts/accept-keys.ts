import type { Part } from '../bench';
import { ratePerSecond, type Outcome } from '../load/job';
import { LoadGenerator } from '../load/load-generator';
import { spread } from '../measure/spread';
import type { Figure } from '../report/figure';
import { failures, highestRate, startTaker } from './accept';

const REACH = 0.9;

export const acceptKeys: Part = {
  name: 'accept-keys',
  what: 'POST /orders with an Idempotency-Key each, beside the same without',
  async run(bench, scope) {
    const seconds = bench.seconds(5);
    const generator = LoadGenerator.start(bench, scope);
    const plain = await startTaker(bench, scope, 'order-api');
    const keyed = { ...plain, requests: plain.requests.map((request) => ({ ...request, keyed: true })) };
    const both = [keyed, plain];
    for (const taker of both) await highestRate(generator, taker, 1, 1); // compiled by then

    const rounds: Outcome[][] = [[], []];
    for (let round = 1; round <= bench.rounds; round += 1) {
      // Each comes first as often: the tables grow.
      const order = round % 2 ? [0, 1] : [1, 0];
      for (const index of order) rounds[index]!.push(await highestRate(generator, both[index]!, seconds));
      const [one, other] = rounds.map((outcomes) => Math.round(ratePerSecond(outcomes.at(-1)!)));
      bench.control.say(`accept-keys, round ${round} of ${bench.rounds}: ${one}/s, without ${other}/s`);
    }
    const figure = (what: string, of: (outcome: Outcome) => number): Figure => ({
      part: 'accept-keys',
      what,
      ours: spread(rounds[0]!.map(of)),
      baseline: { name: 'without keys', value: spread(rounds[1]!.map(of)) },
    });
    return {
      figures: [
        { ...figure('orders/s, 32 connections', ratePerSecond), reach: { of: 'ratio', atLeast: REACH } },
        figure('POST p99, 32 always waiting, ms', ({ latencies }) => latencies.p99),
      ],
      remarks: failures(rounds.flat()),
    };
  },
};
