import type { Connection } from './connection';
import type { InFlightGate } from './in-flight-gate';
import type { Tally } from './tally';

/** Each connection sends its next request when the last one is answered, until the tally's end. */
export async function closedLoad(
  connections: readonly Connection[],
  nextRequest: () => Buffer,
  tally: Tally,
  gate?: InFlightGate,
): Promise<void> {
  const client = async (connection: Connection) => {
    while (performance.now() < tally.toMs) {
      await gate?.enter();
      const sentAt = performance.now();
      if (sentAt >= tally.toMs) return;
      const result = await connection.send(nextRequest());
      const answeredAt = performance.now();
      gate?.answered(!(result instanceof Error) && result.status === 202);
      tally.add(answeredAt, answeredAt - sentAt, result);
    }
  };
  await Promise.all(connections.map(client));
}
