import { headers } from '../../shared/messaging/dead-letter';
import { serviceNames } from '../../shared/messaging/topology';
import { POISON_HEADER, type Poison } from './poison';
import type { Stranger } from './stranger';

/** What was found in the dead-letter queues. */
export interface DeadLetters {
  /** How many, by `service reason`. */
  byReason: Record<string, number>;
  violations: string[];
}

const MOST_READ = 5_000;

/** Every poison has to be there, with a fitting reason, and nothing else may be. Nothing is taken out. */
export async function checkDeadLetters(
  stranger: Stranger,
  consumers: readonly string[],
  sent: readonly Poison[],
): Promise<DeadLetters> {
  const byReason: Record<string, number> = {};
  const violations: string[] = [];
  const found = new Map<string, string>();
  const channel = stranger.channel();
  if (!channel) return { byReason, violations: ['the dead-letter queues could not be read'] };
  for (const service of consumers) {
    const held = [];
    for (let read = 0; read < MOST_READ; read += 1) {
      const message = await channel.get(serviceNames(service).deadLetterQueue);
      if (!message) break;
      held.push(message);
      const own = message.properties.headers ?? {};
      const reason = String(own[headers.reason] ?? 'no reason');
      byReason[`${service} ${reason}`] = (byReason[`${service} ${reason}`] ?? 0) + 1;
      if (own[POISON_HEADER]) found.set(`${service} ${message.properties.messageId}`, reason);
      else violations.push(`${service} has given up an event: ${about(message.properties, own)}`);
    }
    for (const message of held) channel.nack(message, false, true);
  }
  for (const { id, queue, name, reasons } of sent) {
    const reason = found.get(`${queue} ${id}`);
    if (!reason) violations.push(`${name} poison for ${queue} is in no dead-letter queue (${id})`);
    else if (!reasons.includes(reason))
      violations.push(`${name} poison for ${queue} is a dead letter because of ${reason}`);
  }
  return { byReason, violations };
}

const about = ({ messageId, type }: { messageId?: unknown; type?: unknown }, own: Record<string, unknown>) =>
  JSON.stringify({
    id: messageId,
    type,
    reason: own[headers.reason],
    error: own[headers.error],
    attempts: own[headers.attempts],
  });
