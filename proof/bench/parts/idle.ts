import { setTimeout as delay } from 'node:timers/promises';
import type { Part } from '../bench';
import { startBenchMesh } from '../environment/mesh';
import { CostMeter } from '../measure/cost-meter';
import { spread } from '../measure/spread';

/** What a start leaves to be done: caches, statistics, the broker's own. */
const SETTLE_MS = 10_000;

export const idle: Part = {
  name: 'idle',
  what: 'CPU of the mesh when nothing happens, all services and both servers',
  async run(bench, scope) {
    const { processes, world } = await startBenchMesh(bench, scope, 'idle');
    const seconds = bench.seconds(30);
    const meter = new CostMeter(bench.servers, processes, world);
    const wait = (ms: number) => scope.unlessBroken(delay(ms, undefined, { signal: bench.control.stopping }));
    await wait(SETTLE_MS);
    meter.begin();
    await wait(seconds * 1000);
    meter.end();
    const { cpuMs, cpuMsBy, walBytes } = await meter.per(seconds); // for each second
    if (cpuMs === undefined || !cpuMsBy) return { figures: [], remarks: ['CPU is told on Linux alone'] };
    const shares = Object.entries(cpuMsBy)
      .sort(([, a], [, b]) => b - a)
      .map(([name, ms]) => `${name} ${(ms / 10).toFixed(2)} %`);
    return {
      figures: [
        {
          part: 'idle',
          what: 'CPU, % of one core',
          ours: spread([cpuMs / 10]),
          reach: { of: 'ours', atMost: 3 },
        },
        { part: 'idle', what: 'WAL, bytes/s', ours: spread([walBytes]) },
      ],
      remarks: [`CPU by process: ${shares.join(', ')}`],
    };
  },
};
