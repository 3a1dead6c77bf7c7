import { EVENT_CONTENT_TYPE } from '../events/envelope';
import type { OutgoingMessage } from './publisher';

/** An event as the outbox and the log keep it. */
export interface StoredEvent {
  event_id: string;
  type: string;
  correlation_id: string;
  created_at: Date;
  /** The event as JSON text, byte for byte as it was written. */
  body: string;
}

// Read from the text: no body, however odd, may keep the relay from reading the rows around it, as a
// JSON operator in its query could.
const SOURCE = /"source":\s*"\/?([^"\\]{1,100})"/;

/**
 * The message that carries an event: the body untouched, and in the AMQP properties what the management
 * UI shows.
 * @param headers none, if absent
 */
export const toMessage = (
  event: StoredEvent,
  to: { exchange: string; routingKey: string },
  headers?: Record<string, unknown>,
): OutgoingMessage => ({
  ...to,
  body: Buffer.from(event.body),
  properties: {
    messageId: event.event_id,
    type: event.type,
    correlationId: event.correlation_id,
    timestamp: Math.floor(event.created_at.getTime() / 1000),
    appId: SOURCE.exec(event.body.slice(0, 500))?.[1],
    contentType: EVENT_CONTENT_TYPE,
    ...(headers && { headers }),
  },
});
