import type { Bench, Part } from '../bench';
import { fillOrders } from '../environment/fill-orders';
import { makeMenus, orderRequests } from '../environment/menu';
import { startBenchMesh } from '../environment/mesh';
import { startService } from '../../testbed/measured-process';
import { inScope, type Scope } from '../../testbed/scope';
import { openWorld, type World } from '../environment/world';
import { ratePerSecond, type HttpRequest } from '../load/job';
import { LoadGenerator } from '../load/load-generator';
import { spread } from '../measure/spread';
import type { Figure } from '../report/figure';
import { highestRate, type Taker } from './accept';
import { againAndAgain } from './relay-backlog';
import { sustainedRate } from './sustained-rate';

const FEW = 10_000;
/** Different orders that GET asks for, about. */
const ASKED_FOR = 20_000;
const INSTANCES = [1, 2, 4];
const REACH = { of: 'ratio', atLeast: 0.9 } as const;

export const scale: Part = {
  name: 'scale',
  what: 'the mesh with 1, 2 and 4 inventory-services; reads, POST and relay with 5 million orders in the tables',
  long: true,
  async run(bench, scope) {
    const figures = [...(await moreInstances(bench, scope)), ...(await moreOrders(bench, scope))];
    return { figures, remarks: [] };
  },
};

async function moreInstances(bench: Bench, outer: Scope): Promise<Figure[]> {
  const rates = INSTANCES.map((): number[] => []);
  for (let round = 1; round <= bench.rounds; round += 1) {
    for (const [index, instances] of INSTANCES.entries()) {
      const rate = await inScope(outer, async (scope) => {
        const options = { instances: { 'inventory-service': instances } };
        const mesh = await startBenchMesh(bench, scope, 'scale-instances', options);
        const generator = LoadGenerator.start(bench, scope);
        const time = { warmUpSeconds: 4, seconds: bench.seconds(10) };
        return (await sustainedRate(bench, mesh, generator, orderRequests(mesh.menus), time)).rate;
      });
      rates[index]!.push(rate);
      bench.control.say(
        `scale, round ${round} of ${bench.rounds}: ${Math.round(rate)}/s with ${instances} inventory-service`,
      );
    }
  }
  const [one, ...more] = rates.map(spread);
  return more.map((ours, index) => ({
    part: 'scale',
    what: `mesh orders/s, ${INSTANCES[index + 1]} inventory-services`,
    ours,
    baseline: { name: 'one', value: one! },
    reach: REACH,
  }));
}

interface Sized {
  orders: number;
  world: World;
  taker: Taker;
}

async function moreOrders(bench: Bench, scope: Scope): Promise<Figure[]> {
  const generator = LoadGenerator.start(bench, scope);
  const few = await withOrders(bench, scope, 'scale-few', FEW);
  const many = await withOrders(bench, scope, 'scale-many', bench.scaleOrders);
  const both = [many, few];
  const kinds: [string, (sized: Sized) => Promise<number>][] = [
    ['GET /orders/{id}', async (sized) => answers(await getRequests(sized))(sized)],
    ['GET /orders, of a restaurant', async (sized) => answers(listRequests(sized))(sized)],
    ['POST /orders', (sized) => answers(sized.taker.requests)(sized)],
    ['relay, events', async ({ world }) => againAndAgain(bench, scope, world, bench.seconds(5))],
  ];
  const answers =
    (requests: HttpRequest[]) =>
    async ({ taker }: Sized) =>
      ratePerSecond(await highestRate(generator, { ...taker, requests }, bench.seconds(5), 1));

  const figures: Figure[] = [];
  for (const [what, rateOf] of kinds) {
    const rates: number[][] = [[], []];
    for (let round = 1; round <= bench.rounds; round += 1) {
      // What POST has filled is not what the relay is to begin with.
      for (const { world } of both) await world.query('TRUNCATE outbox_events');
      for (const [index, sized] of both.entries()) rates[index]!.push(await rateOf(sized));
      const [one, other] = rates.map((all) => Math.round(all.at(-1)!));
      bench.control.say(`scale, ${what}, round ${round} of ${bench.rounds}: ${one}/s, of few ${other}/s`);
    }
    figures.push({
      part: 'scale',
      what: `${what}, a second, ${bench.scaleOrders.toLocaleString('en-US')} orders`,
      ours: spread(rates[0]!),
      baseline: { name: '10,000 orders', value: spread(rates[1]!) },
      reach: REACH,
    });
  }
  return figures;
}

async function withOrders(bench: Bench, scope: Scope, name: string, orders: number): Promise<Sized> {
  const world = scope.own(await openWorld(bench.servers, name, false));
  const menus = await makeMenus(world.databaseUrl);
  const say = (done: number) =>
    bench.control.say(`scale: ${done.toLocaleString('en-US')} orders in the tables`);
  await scope.unlessBroken(fillOrders(world, menus, orders, say));
  await world.settle();
  const { url } = await startService(bench, scope, 'order-api', { DATABASE_URL: world.databaseUrl });
  return { orders, world, taker: { url, requests: orderRequests(menus) } };
}

/** Of any age: a page that is in no cache is part of what more orders cost. */
async function getRequests({ world, orders }: Sized): Promise<HttpRequest[]> {
  const share = Math.min(100, (100 * ASKED_FOR) / orders);
  const rows = await world.query<{ id: string }>(`SELECT id FROM orders TABLESAMPLE BERNOULLI (${share})`);
  return rows.map(({ id }) => ({ method: 'GET', path: `/api/v1/orders/${id}` }));
}

function listRequests({ taker }: Sized): HttpRequest[] {
  const restaurants = taker.requests.map(({ body }) => (body as { restaurant_id: string }).restaurant_id);
  return [...new Set(restaurants)].map((id) => ({
    method: 'GET',
    path: `/api/v1/orders?restaurant_id=${id}&limit=20`,
  }));
}
