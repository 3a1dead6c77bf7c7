import type { GetMessage } from 'amqplib';
import { headers } from '../../shared/messaging/dead-letter';
import { serviceNames } from '../../shared/messaging/topology';
import type { DeletedQueue } from './arsenal';
import { isPoison, type Poison } from './poison';
import type { Stranger } from './stranger';

/** What was found in the dead-letter queues. */
export interface DeadLetters {
  /** How many, by `service reason`. */
  byReason: Record<string, number>;
  violations: string[];
}

const MOST_READ = 5_000;

type Properties = GetMessage['properties'];

/** Looks at all dead letters of a service, and leaves them where they are. @throws while the broker is away */
async function lookAt(stranger: Stranger, service: string): Promise<Properties[]> {
  const channel = stranger.channel();
  if (!channel) throw new Error('no connection to RabbitMQ');
  const held: GetMessage[] = [];
  while (held.length < MOST_READ) {
    const message = await channel.get(serviceNames(service).deadLetterQueue);
    if (!message) break;
    held.push(message);
  }
  for (const message of held) channel.nack(message, false, true);
  return held.map(({ properties }) => properties);
}

/** Ids of the poison that is among the dead letters of a queue's service. @throws while the broker is away */
export async function poisonIn(stranger: Stranger, queue: string): Promise<Set<string>> {
  const letters = await lookAt(stranger, queue.split('.')[0]!);
  return new Set(letters.filter(isPoison).map(({ messageId }) => String(messageId)));
}

/**
 * Every poison has to be there, with a fitting reason, and nothing else may be. Poison that went down with its queue is
 * excused: it is nowhere else.
 * @throws while the broker is away
 */
export async function checkDeadLetters(
  stranger: Stranger,
  consumers: readonly string[],
  sent: readonly Poison[],
  deletedQueues: readonly DeletedQueue[],
): Promise<DeadLetters> {
  const byReason: Record<string, number> = {};
  const violations: string[] = [];
  const found = new Map<string, string>();
  for (const service of consumers) {
    for (const properties of await lookAt(stranger, service)) {
      const reason = String(properties.headers?.[headers.reason] ?? 'no reason');
      byReason[`${service} ${reason}`] = (byReason[`${service} ${reason}`] ?? 0) + 1;
      if (isPoison(properties)) found.set(`${service} ${properties.messageId}`, reason);
      else violations.push(`${service} has given up an event: ${about(properties)}`);
    }
  }
  for (const poison of sent) {
    const { id, queue, name, reasons } = poison;
    const reason = found.get(`${queue} ${id}`);
    if (!reason && !wentDown(poison, deletedQueues))
      violations.push(`${name} poison for ${queue} is in no dead-letter queue (${id})`);
    else if (reason && !reasons.includes(reason))
      violations.push(`${name} poison for ${queue} is a dead letter because of ${reason}`);
  }
  return { byReason, violations };
}

const wentDown = ({ id, queue, sentAt }: Poison, deletedQueues: readonly DeletedQueue[]): boolean =>
  deletedQueues.some((one) => one.queue === queue && sentAt < one.at && !one.saved.has(id));

const about = ({ messageId, type, headers: own = {} }: Properties) =>
  JSON.stringify({
    id: messageId as unknown,
    type: type as unknown,
    reason: own[headers.reason] as unknown,
    error: own[headers.error] as unknown,
    attempts: own[headers.attempts] as unknown,
  });
