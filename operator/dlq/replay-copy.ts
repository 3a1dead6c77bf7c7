import type { OutgoingMessage } from '../../shared/messaging/publisher';
import { copiedProperties, headers } from '../../shared/messaging/dead-letter';
import { serviceNames, WORK_KEY } from '../../shared/messaging/topology';
import type { Message } from './dead-letter';

const ours = new Set<string>(Object.values(headers));
// The broker's own: 4.x ignores an x-death that a client sends, 3.x may take it for a cycle and drop the message.
const BROKERS = /^x-(death|delivery-count|acquired-count|(first|last)-death-.*)$/;

/**
 * The message as it first came to the service, to its own queue: same id, type, correlation and body, and
 * nothing of its failures, so that its attempts start anew.
 */
export function replayCopy(service: string, { content, properties }: Message): OutgoingMessage {
  const kept = Object.entries(properties.headers ?? {}).filter(
    ([name]) => !ours.has(name) && !BROKERS.test(name),
  );
  return {
    exchange: serviceNames(service).exchange,
    routingKey: WORK_KEY,
    body: content,
    properties: { ...copiedProperties({ properties }), headers: Object.fromEntries(kept) },
  };
}
