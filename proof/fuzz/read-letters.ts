import type { ConsumeMessage } from 'amqplib';
import { connectBroker } from '../../shared/messaging/connect-broker';
import { headers } from '../../shared/messaging/dead-letter';
import { serviceNames } from '../../shared/messaging/topology';
import { readDeadLetter } from '../../operator/dlq/dead-letter';
import { until } from '../../shared/testing/until';
import { MARK } from './odd-properties';

/** What tells a dead letter from the others. */
export interface FoundLetter {
  service: string;
  mark: string;
  reason: string;
  /** Whether its consumer has put it there, and says why. */
  isExplained: boolean;
}

const READ_MS = 120_000;

/** Without a prefetch a quorum queue sends 2,000 and no more; AMQP has 16 bits for it. */
const MOST_HELD = 65_535;

/** Reads all dead letters of some services, and leaves them where they are. */
export async function readLetters(url: string, services: readonly string[]): Promise<FoundLetter[]> {
  const connection = await connectBroker(url, { clientProperties: { connection_name: 'stranger' } });
  try {
    const found: FoundLetter[] = [];
    for (const service of services) {
      const channel = await connection.createChannel();
      await channel.prefetch(MOST_HELD);
      const { queue, messageCount } = await channel.checkQueue(serviceNames(service).deadLetterQueue);
      const upTo = found.length + messageCount;
      await channel.consume(queue, (message) => void (message && found.push(letterOf(service, message))));
      await until(`${messageCount} messages of ${queue}`, () => found.length >= upTo, READ_MS);
      await channel.close(); // what it held goes back, in its order
    }
    return found;
  } finally {
    await connection.close();
  }
}

function letterOf(service: string, message: ConsumeMessage): FoundLetter {
  const { headers: all = {}, messageId } = message.properties as {
    headers?: Record<string, unknown>;
    messageId?: unknown;
  };
  return {
    service,
    mark: String(Object.hasOwn(all, MARK) ? all[MARK] : messageId),
    reason: readDeadLetter(service, message).reason,
    isExplained: all[headers.consumer] === service && typeof all[headers.error] === 'string',
  };
}
