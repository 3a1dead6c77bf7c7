import { briefly } from '../../shared/messaging/failure';
import { serviceNames } from '../../shared/messaging/topology';
import { withBroker } from '../command-line/broker';
import { idOnRecord } from '../dlq/dead-letter';
import { scanQueue } from '../dlq/scan-queue';

/** What is in the dead-letter queues now. */
export interface DeadLetterQueues {
  /**
   * The ids of the events in each consumer's queue; of a queue that is gone there are none.
   * @throws {UnreadableQueuesError}
   */
  read(consumers: readonly string[]): Promise<Map<string, Set<string>>>;
}

/** The queues cannot be read now; the message says why. */
export class UnreadableQueuesError extends Error {
  override name = 'UnreadableQueuesError';
}

/** The dead-letter queues of a broker. Reading them takes nothing out. */
export const deadLetterQueuesAt = (url: string): DeadLetterQueues => ({
  read: async (consumers) => {
    try {
      return await withBroker(url, 'ordermesh-audit', async (broker) => {
        const all = new Map<string, Set<string>>();
        for (const consumer of consumers) {
          const queue = serviceNames(consumer).deadLetterQueue;
          const found = await broker.inspect(queue);
          if (found?.consumers) throw new UnreadableQueuesError(`${queue} is being read by another command`);
          const ids = new Set<string>();
          if (found)
            await scanQueue(broker, queue, {
              windowSize: WINDOW,
              wants: (message) => {
                const id = idOnRecord(message);
                if (id) ids.add(id.toLowerCase());
                return false;
              },
            });
          all.set(consumer, ids);
        }
        return all;
      });
    } catch (error) {
      throw error instanceof UnreadableQueuesError ? error : new UnreadableQueuesError(briefly(error));
    }
  },
});

const WINDOW = 5_000;
