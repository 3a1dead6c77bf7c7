import { serviceNames } from '../../shared/messaging/topology';
import type { Broker } from '../command-line/broker';
import { UserError } from '../../scripts/servers/search';

/** A service whose dead letters are looked at. */
export interface DeadLetterQueue {
  service: string;
  queue: string;
}

/**
 * The dead-letter queues that are there, of the services named or else of all known.
 * @param examples services that may as well have none
 * @param warn told of known services without one, and of queues that somebody else is reading just now
 * @throws {UserError} when a service named has none, or none has any
 */
export async function chooseQueues(
  broker: Broker,
  named: readonly string[],
  known: readonly string[],
  examples: readonly string[],
  warn: (line: string) => void,
): Promise<DeadLetterQueue[]> {
  const there: DeadLetterQueue[] = [];
  const missing: string[] = [];
  for (const service of named.length > 0 ? named : [...known, ...examples]) {
    const queue = serviceNames(service).deadLetterQueue;
    const found = await broker.inspect(queue);
    if (!found) missing.push(service);
    else there.push({ service, queue });
    if (found?.consumers)
      warn(`${queue} is being read by another command: the messages that it holds are not seen here.`);
  }
  if (there.length === 0 || (named.length > 0 && missing.length > 0)) {
    const services = named.length > 0 ? `The services are ${known.join(', ')}.` : '';
    throw new UserError(
      `There is no dead-letter queue of ${missing.join(', ') || 'any service'} on this broker: ` +
        `is it the right virtual host, and was npm run migrate run? ${services}`.trim(),
    );
  }
  for (const service of missing)
    if (!examples.includes(service)) warn(`${service} has no dead-letter queue on this broker.`);
  return there;
}
