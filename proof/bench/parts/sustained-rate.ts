import type { Bench } from '../bench';
import { backlogOf, untilDrained, type BenchMesh } from '../environment/mesh';
import type { HttpRequest } from '../load/job';
import type { LoadGenerator, Moments } from '../load/load-generator';
import { preparedIn } from '../measure/orders';

/** Orders that may be placed and not yet PREPARING: half a second's worth, by which the backlog is bounded. */
export const IN_FLIGHT = 500;
/** Enough that it is the mesh which limits, and not how many wait for their answer. */
const CONNECTIONS = 128;

export interface Sustained {
  /** Orders that became PREPARING, a second. */
  rate: number;
  orders: number;
  /** The same for each stretch of the time. */
  stretches: number[];
  /** Orders that waited at the end. */
  backlog: number;
}

/** The rate at which orders go in as POST and come out as PREPARING for as long as one likes. */
export async function sustainedRate(
  bench: Bench,
  { world, apiUrl }: BenchMesh,
  generator: LoadGenerator,
  requests: HttpRequest[],
  { warmUpSeconds, seconds }: { warmUpSeconds: number; seconds: number },
  moments: Moments = {},
): Promise<Sustained> {
  let backlog = Promise.resolve({ orders: NaN, events: NaN });
  const { from, to } = await generator.run(
    {
      url: apiUrl,
      requests,
      connections: CONNECTIONS,
      warmUpMs: warmUpSeconds * 1000,
      measureMs: seconds * 1000,
      load: { kind: 'bounded', inFlight: IN_FLIGHT, databaseUrl: world.databaseUrl },
    },
    {
      began: moments.began,
      ended: () => {
        moments.ended?.();
        backlog = backlogOf(world);
        backlog.catch(() => undefined); // it is awaited below
      },
    },
  );
  const stretches = seconds >= 30 ? 6 : 3;
  const prepared = await preparedIn(world, { from, to }, stretches);
  const { orders: waiting } = await backlog;
  await untilDrained(bench, world);
  const orders = prepared.reduce((sum, count) => sum + count, 0);
  return {
    rate: orders / seconds,
    orders,
    stretches: prepared.map((count) => (count * stretches) / seconds),
    backlog: waiting,
  };
}
