import type { OutgoingMessage } from '../../shared/messaging/publisher';
import { copiedProperties, foreignHeaders } from '../../shared/messaging/dead-letter';
import { serviceNames, WORK_KEY } from '../../shared/messaging/topology';
import type { Message } from './dead-letter';

/**
 * The message as it first came to the service, to its own queue: same id, type, correlation and body, and
 * nothing of its failures, so that its attempts start anew.
 */
export function replayCopy(service: string, { content, properties }: Message): OutgoingMessage {
  return {
    exchange: serviceNames(service).exchange,
    routingKey: WORK_KEY,
    body: content,
    properties: { ...copiedProperties({ properties }), headers: foreignHeaders({ properties }) },
  };
}
