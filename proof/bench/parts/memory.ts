import type { Part } from '../bench';
import { orderRequests } from '../environment/menu';
import { startBenchMesh, untilDrained } from '../environment/mesh';
import { LoadGenerator } from '../load/load-generator';
import { spread } from '../measure/spread';
import { memoryOf } from '../measure/watch-memory';
import { pause } from './drain-outbox';

const REST_SECONDS = 10;
const EARLY_SECONDS = 60;
const SOAK_SECONDS = 600;
/** Orders a second: a load that leaves the machine room, for as long as it takes. */
const RATE = 200;
const MOST_MB = 150;
/** What a heap of V8's may be larger by at one collection than at another, as a ratio. */
const STEADY = 1.15;

export const memory: Part = {
  name: 'memory',
  what: 'resident memory of each service at rest and after ten minutes of orders, beside itself after one',
  long: true,
  async run(bench, scope) {
    const seconds = bench.seconds(SOAK_SECONDS);
    const early = Math.min(EARLY_SECONDS, seconds / 3);
    const { world, apiUrl, menus, processes } = await startBenchMesh(bench, scope, 'memory');
    const generator = LoadGenerator.start(bench, scope);
    await pause(Math.min(REST_SECONDS, seconds), bench);
    const atRest = memoryOf(processes);
    bench.control.say(`memory: ${RATE} orders/s for ${seconds} s`);
    const soak = generator.run({
      url: apiUrl,
      requests: orderRequests(menus),
      connections: 64,
      warmUpMs: 0,
      measureMs: seconds * 1000,
      load: { kind: 'open', rate: RATE, patienceMs: 10_000 },
    });
    const soaking = scope.unlessBroken(soak);
    const [begun] = await Promise.all([
      pause(early, bench).then(() => memoryOf(processes)),
      pause(seconds - 1, bench),
    ]);
    const atEnd = memoryOf(processes);
    await soaking;
    await untilDrained(bench, world);
    return {
      figures: Object.entries(atEnd).flatMap(([name, megabytes]) => [
        {
          part: 'memory',
          what: `${name}, MB after ${seconds} s`,
          ours: spread([megabytes]),
          baseline: { name: `after ${early} s`, value: spread([begun[name] ?? NaN]) },
          reach: { of: 'ratio' as const, atMost: STEADY },
        },
        {
          part: 'memory',
          what: `${name}, MB at most`,
          ours: spread([Math.max(megabytes, begun[name] ?? 0)]),
          baseline: { name: 'at rest', value: spread([atRest[name] ?? NaN]) },
          reach: { of: 'ours' as const, atMost: MOST_MB },
        },
      ]),
      remarks: Object.keys(atEnd).length === 0 ? ['memory is told on Linux alone'] : [],
    };
  },
};
