import { once } from 'node:events';
import type { Bench, Part } from '../bench';
import { fillOutbox } from '../environment/fill-tables';
import { startProcess } from '../../testbed/measured-process';
import { inScope, type Scope } from '../../testbed/scope';
import { catchAll, openWorld, type World } from '../environment/world';
import { drainRate } from '../measure/drain-rate';
import { spread } from '../measure/spread';
import { markedSince, untilEmpty, withRelay } from './drain-outbox';

const ROWS = 50_000;
const REACH = 0.8;

export const relay: Part = {
  name: 'relay',
  what: 'outbox-publisher on 50,000 waiting rows, beside bare amqplib confirms of the same bodies',
  async run(bench, scope) {
    const world = scope.own(await openWorld(bench.servers, 'relay', false));
    const ours: number[] = [];
    const baseline: number[] = [];
    for (let round = 1; round <= bench.rounds; round += 1) {
      await world.query('TRUNCATE event_log, outbox_events');
      await fillOutbox(world, ROWS);
      await world.settle();
      baseline.push(await rawConfirms(bench, scope, world));
      ours.push(await drain(bench, scope, world));
      const [one, other] = [ours, baseline].map((rates) => Math.round(rates.at(-1)!));
      bench.control.say(`relay, round ${round} of ${bench.rounds}: ${one}/s, baseline ${other}/s`);
    }
    return {
      figures: [
        {
          part: 'relay',
          what: 'events/s, 50,000 waiting',
          ours: spread(ours),
          baseline: { name: 'amqplib, 500 confirms', value: spread(baseline) },
          reach: { of: 'ratio', atLeast: REACH },
        },
      ],
      remarks: [],
    };
  },
};

async function drain(bench: Bench, scope: Scope, world: World): Promise<number> {
  const from = new Date();
  await withRelay(bench, scope, world, () => untilEmpty(bench, world));
  return drainRate(await markedSince(world, from));
}

const rawConfirms = (bench: Bench, outer: Scope, world: World): Promise<number> =>
  inScope(outer, async (scope) => {
    scope.own(await catchAll(world, 'bench'));
    const { databaseUrl: DATABASE_URL, rabbitmqUrl: RABBITMQ_URL } = world;
    const env = { DATABASE_URL, RABBITMQ_URL };
    const { child } = startProcess(
      bench,
      scope,
      'raw-confirms',
      'proof/bench/baselines/raw-confirms.js',
      env,
    );
    const [message] = (await scope.unlessBroken(once(child, 'message'))) as [{ rate: number }];
    return message.rate;
  });
