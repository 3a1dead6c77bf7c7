import { serviceNames } from '../../shared/messaging/topology';
import { withBroker } from '../command-line/broker';

/** A service's queues; undefined where it has none. */
export interface QueueCounts {
  work: { messages: number; consumers: number } | undefined;
  dead: { messages: number; consumers: number } | undefined;
}

/** How much waits in the queues of services, as the broker counts it. @throws {UserError} where it does not answer */
export const readQueues = (url: string, services: readonly string[]): Promise<Map<string, QueueCounts>> =>
  withBroker(url, 'ordermesh-mesh', async (broker) => {
    const counts = new Map<string, QueueCounts>();
    for (const service of services) {
      const { queue, deadLetterQueue } = serviceNames(service);
      counts.set(service, { work: await broker.inspect(queue), dead: await broker.inspect(deadLetterQueue) });
    }
    return counts;
  });
