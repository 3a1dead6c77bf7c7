import { createKey } from '../../../operator/keys/keys';
import { openDatabase } from '../../../shared/service/database';
import type { Bench, Part } from '../bench';
import type { Scope } from '../../testbed/scope';
import { ratePerSecond, type HttpRequest, type Outcome } from '../load/job';
import { LoadGenerator } from '../load/load-generator';
import { spread } from '../measure/spread';
import type { Figure } from '../report/figure';
import { failures, highestRate, startTaker, type Taker } from './accept';

const REACH = 0.9;

export const acceptKeys: Part = {
  name: 'accept-keys',
  what: 'POST /orders with an Idempotency-Key each, and with callers who show an API key, beside the same without',
  async run(bench, scope) {
    const seconds = bench.seconds(5);
    const generator = LoadGenerator.start(bench, scope);
    const plain = await startTaker(bench, scope, 'order-api');
    const keyed = { ...plain, requests: plain.requests.map(withKey) };
    const takers = [keyed, await startGuarded(bench, scope), plain];
    for (const taker of takers) await highestRate(generator, taker, 1, 1); // compiled by then

    const rounds: Outcome[][] = takers.map(() => []);
    for (let round = 1; round <= bench.rounds; round += 1) {
      // Each comes first as often: the tables grow.
      const order = takers.map((_, index) => (index + round) % takers.length);
      for (const index of order) rounds[index]!.push(await highestRate(generator, takers[index]!, seconds));
      const [one, guarded, other] = rounds.map((outcomes) => Math.round(ratePerSecond(outcomes.at(-1)!)));
      bench.control.say(
        `accept-keys, round ${round} of ${bench.rounds}: ${one}/s, with API keys ${guarded}/s, without ${other}/s`,
      );
    }
    const figure = (what: string, of: (outcome: Outcome) => number, which = 0): Figure => ({
      part: 'accept-keys',
      what,
      ours: spread(rounds[which]!.map(of)),
      baseline: { name: 'without keys', value: spread(rounds[2]!.map(of)) },
    });
    return {
      figures: [
        { ...figure('orders/s, 32 connections', ratePerSecond), reach: { of: 'ratio', atLeast: REACH } },
        figure('POST p99, 32 always waiting, ms', ({ latencies }) => latencies.p99),
        figure('orders/s, with API keys too', ratePerSecond, 1),
      ],
      remarks: failures(rounds.flat()),
    };
  },
};

const ADMIN = {
  role: 'admin' as const,
  restaurantIds: [],
  customerId: undefined,
  name: 'bench',
  readOnly: false,
  expiresInMs: undefined,
};

const withKey = (request: HttpRequest): HttpRequest => ({ ...request, keyed: true });

/** order-api that wants to know who calls, without a limit to how often. */
async function startGuarded(bench: Bench, scope: Scope): Promise<Taker> {
  const env = { AUTH: 'keys', RATE_LIMIT_CALLER: 'off', RATE_LIMIT_ADDRESS: 'off' };
  const taker = await startTaker(bench, scope, 'guarded-api', { file: 'order-api/main.js', env });
  const database = openDatabase({
    url: taker.databaseUrl,
    poolSize: 1,
    applicationName: 'bench',
    onIdleError: () => undefined,
  });
  const { text } = await createKey(database, ADMIN, 'bench', () => undefined);
  await database.$disconnect();
  const headers = { Authorization: `Bearer ${text}` };
  return { ...taker, requests: taker.requests.map((request) => withKey({ ...request, headers })) };
}
