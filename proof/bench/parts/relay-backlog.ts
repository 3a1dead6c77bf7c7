import type { Bench, Part } from '../bench';
import { fillEventLog, fillOutbox } from '../environment/fill-tables';
import type { Scope } from '../../testbed/scope';
import { openWorld, type World } from '../environment/world';
import { drainRate, type MarkedBatch } from '../measure/drain-rate';
import { spread } from '../measure/spread';
import type { Figure } from '../report/figure';
import { markedSince, pause, untilBegun, untilEmpty, withRelay } from './drain-outbox';

const FEW = 10_000;
const MANY = 1_000_000;
const REACH = 0.9;
/** A relay that has just begun is still being compiled. */
const WARM_UP_SECONDS = 1.5;

export const relayBacklog: Part = {
  name: 'relay-backlog',
  what: 'the same with a million rows waiting, and with a million of history, beside ten thousand',
  async run(bench, scope) {
    const seconds = bench.seconds(5);
    const few = scope.own(await openWorld(bench.servers, 'relay-few', false));
    const many = scope.own(await openWorld(bench.servers, 'relay-many', false));
    const history = scope.own(await openWorld(bench.servers, 'relay-history', false));
    bench.control.say('relay-backlog: filling two databases with a million rows each');
    await scope.unlessBroken(fillOutbox(many, MANY));
    await scope.unlessBroken(fillEventLog(history, MANY));
    for (const world of [few, many, history]) await world.settle();

    const rates = { few: [] as number[], many: [] as number[], history: [] as number[] };
    for (let round = 1; round <= bench.rounds; round += 1) {
      rates.few.push(await againAndAgain(bench, scope, few, seconds));
      rates.many.push(await fromTheHeap(bench, scope, many, seconds));
      rates.history.push(await againAndAgain(bench, scope, history, seconds));
      await many.settle(); // the relay that begins next finds it as autovacuum would leave it
      const [one, two, three] = Object.values(rates).map((all) => Math.round(all.at(-1)!));
      bench.control.say(
        `relay-backlog, round ${round} of ${bench.rounds}: ${two}/s of a million, ${three}/s beside a million, ${one}/s`,
      );
    }
    const figure = (what: string, ours: number[]): Figure => ({
      part: 'relay-backlog',
      what: `events/s, ${what}`,
      ours: spread(ours),
      baseline: { name: '10,000 waiting', value: spread(rates.few) },
      reach: { of: 'ratio', atLeast: REACH },
    });
    return {
      figures: [figure('1,000,000 waiting', rates.many), figure('1,000,000 in event_log', rates.history)],
      remarks: [],
    };
  },
};

/** Ten thousand rows at a time, committed at once before a relay that is warm, each time drained to the last. */
export function againAndAgain(bench: Bench, scope: Scope, world: World, seconds: number): Promise<number> {
  return withRelay(bench, scope, world, async () => {
    const drains: MarkedBatch[][] = [];
    const drain = async () => {
      const from = new Date();
      await fillOutbox(world, FEW);
      await untilEmpty(bench, world);
      drains.push(await markedSince(world, from));
    };
    await drain();
    await drain();
    drains.length = 0; // that was to warm up
    for (const until = Date.now() + seconds * 1000; Date.now() < until;) await drain();
    return spread(drains.map(drainRate)).median;
  });
}

/** So many seconds out of the midst of a backlog that is far from its end. */
async function fromTheHeap(bench: Bench, scope: Scope, world: World, seconds: number): Promise<number> {
  const startedAt = new Date();
  const [from, to] = await withRelay(bench, scope, world, async () => {
    await untilBegun(bench, world, startedAt);
    await pause(WARM_UP_SECONDS, bench);
    const began = new Date();
    await pause(seconds, bench);
    return [began, new Date()];
  });
  return drainRate(await markedSince(world, from!, to));
}
