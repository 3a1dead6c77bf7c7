import type { Part } from '../bench';
import { hotItemRequests, orderRequests } from '../environment/menu';
import { startBenchMesh } from '../environment/mesh';
import { LoadGenerator } from '../load/load-generator';
import { spread } from '../measure/spread';
import { sustainedRate } from './sustained-rate';

const REACH = 0.7;

export const hotItem: Part = {
  name: 'hot-item',
  what: 'the mesh when one item is in every order, beside orders of all items',
  async run(bench, scope) {
    const seconds = bench.seconds(8);
    const mesh = await startBenchMesh(bench, scope, 'hot-item');
    const generator = LoadGenerator.start(bench, scope);
    const rateOf = async (requests = orderRequests(mesh.menus), time = seconds) =>
      (await sustainedRate(bench, mesh, generator, requests, { warmUpSeconds: 1.5, seconds: time })).rate;
    await rateOf(undefined, 2); // compiled by then
    const hot: number[] = [];
    const spreadOut: number[] = [];
    for (let round = 1; round <= bench.rounds; round += 1) {
      spreadOut.push(await rateOf());
      hot.push(await rateOf(hotItemRequests(mesh.menus)));
      const [one, other] = [hot, spreadOut].map((rates) => Math.round(rates.at(-1)!));
      bench.control.say(`hot-item, round ${round} of ${bench.rounds}: ${one}/s, all items ${other}/s`);
    }
    bench.meshRate ??= spread(spreadOut).median;
    return {
      figures: [
        {
          part: 'hot-item',
          what: 'orders/s, one item in every order',
          ours: spread(hot),
          baseline: { name: 'all items', value: spread(spreadOut) },
          reach: { of: 'ratio', atLeast: REACH },
        },
      ],
      remarks: [],
    };
  },
};
