import type { Bench } from '../bench';
import { backlogOf, unhandledBy, untilDrained, type BenchMesh } from '../environment/mesh';
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
  /** Published events that had not been handled at the end, by whoever had the most: what is bounded is orders alone. */
  behind: string;
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
  let atTheEnd: Promise<[{ orders: number }, { consumer: string; events: number }[]]> | undefined;
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
        atTheEnd = Promise.all([backlogOf(world), unhandledBy(world)]);
        atTheEnd.catch(() => undefined); // it is awaited below
      },
    },
  );
  const stretches = seconds >= 30 ? 6 : 3;
  const prepared = await preparedIn(world, { from, to }, stretches);
  const [{ orders: backlog }, unhandled] = (await atTheEnd) ?? [{ orders: NaN }, []];
  await untilDrained(bench, world);
  const orders = prepared.reduce((sum, count) => sum + count, 0);
  return {
    rate: orders / seconds,
    orders,
    stretches: prepared.map((count) => (count * stretches) / seconds),
    backlog,
    behind: unhandled.map(({ consumer, events }) => `${consumer} ${events}`).join(', ') || 'nobody',
  };
}
