import type { Part } from '../bench';
import { orderRequests } from '../environment/menu';
import { startBenchMesh } from '../environment/mesh';
import { LoadGenerator } from '../load/load-generator';
import { CpuMeter } from '../measure/cpu-meter';
import { spread } from '../measure/spread';
import { IN_FLIGHT, sustainedRate } from './sustained-rate';

/**
 * What a prototype with the same processes, but bare `pg` and without dedupe records, status history, ledger
 * or tracing, sustained from POST to PREPARING on two cores: measured once, on another machine perhaps.
 */
export const PROTOTYPE_ORDERS_PER_SECOND = 1_010;
const REACH = 1_000;

export const mesh: Part = {
  name: 'mesh',
  what: 'the whole mesh, from POST to PREPARING, the backlog bounded; CPU an order by process',
  async run(bench, scope) {
    const seconds = bench.seconds(60);
    const benchMesh = await startBenchMesh(bench, scope, 'mesh');
    const generator = LoadGenerator.start(bench, scope);
    const meter = new CpuMeter(bench.servers, [...benchMesh.processes, generator.process]);
    bench.control.say(`mesh: ${seconds} s of orders`);
    const { rate, orders, stretches, backlog, behind } = await sustainedRate(
      bench,
      benchMesh,
      generator,
      orderRequests(benchMesh.menus),
      { warmUpSeconds: seconds >= 30 ? 15 : 8, seconds },
      { began: () => meter.begin(), ended: () => meter.end() },
    );
    bench.meshRate = rate;
    bench.control.say(`mesh: ${Math.round(rate)}/s`);
    return {
      figures: [
        {
          part: 'mesh',
          what: 'orders/s, POST to PREPARING',
          ours: { ...spread(stretches), median: rate },
          baseline: { name: 'prototype (a constant)', value: spread([PROTOTYPE_ORDERS_PER_SECOND]) },
          reach: { of: 'ours', atLeast: REACH },
        },
      ],
      cpuMsPerOrder: meter.per(orders),
      remarks: [
        `${orders} orders in ${seconds} s; at the end ${backlog} waited (${IN_FLIGHT} at most by construction); min–max are stretches of the time`,
        `published events that were not handled yet at the end: ${behind}`,
        ...meter.remarks(),
      ],
    };
  },
};
