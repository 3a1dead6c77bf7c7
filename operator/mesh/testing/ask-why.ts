import type { Timeline, Wait } from '../../../shared/timeline/timeline';
import type { Mesh } from '../../../shared/testing/mesh';
import { until } from '../../../shared/testing/until';

/** Asks the mesh's API what orders wait for, and keeps what it said. */
export function askWhy(mesh: () => Mesh) {
  const read = async (orderId: string): Promise<Timeline> => {
    const { status, body } = await mesh().ask<Timeline>('GET', `/orders/${orderId}/timeline`);
    if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
    return body;
  };
  return {
    read,
    /** Waits until the order waits for this; what it waits for besides is no matter. */
    waitsFor: (orderId: string, code: string, sentence: RegExp, withinMs = 30_000): Promise<Wait> =>
      until(
        `order ${orderId} to wait for ${code}`,
        async () => {
          const { waiting_for, also_waiting_for } = await read(orderId);
          const found = [waiting_for, ...also_waiting_for].find(
            (wait) => wait?.code === code && sentence.test(wait.sentence),
          );
          if (!found) throw new Error(JSON.stringify([waiting_for, ...also_waiting_for]));
          if (process.env.TEST_LOG) console.log(`${found.code}, ${found.service}: ${found.sentence}`);
          return found;
        },
        withinMs,
      ),
    waitsForNothing: (orderId: string) =>
      until(`order ${orderId} to wait for nothing`, async () => (await read(orderId)).waiting_for === null),
  };
}
