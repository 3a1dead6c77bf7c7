import type { Channel, ConsumeMessage } from 'amqplib';
import { eventLogFields, type Event, type ParsedMessage } from '../events/envelope';
import type { Publisher } from './publisher';
import type { Session } from './session';

/** A consumer's hold on the broker within one session. */
export interface Attachment {
  session: Session;
  channel: Channel;
  publisher: Publisher;
}

/** A message in hand, tied to the session that delivered it: it is acknowledged there or not at all. */
export interface Delivery {
  message: ConsumeMessage;
  parsed: ParsedMessage;
  /** 1 for the first. */
  attempt: number;
  /** It was delivered before and not acknowledged: it may be what ended its consumer. */
  suspect: boolean;
  attachment: Attachment;
}

/** A delivery that is an event which the consumer handles. */
export type GoodDelivery = Delivery & { parsed: { ok: true; event: Event } };

export const isGood = (delivery: Delivery): delivery is GoodDelivery => delivery.parsed.ok;

/** Whether the delivery can still be acknowledged; if not, the broker delivers it again. */
export const isHeld = ({ attachment }: Delivery): boolean => attachment.session.open;

export function acknowledge(delivery: Delivery): void {
  if (isHeld(delivery)) delivery.attachment.channel.ack(delivery.message);
}

/** The fields that a log line about a delivery carries, as far as they could be read. */
export const deliveryLogFields = ({ parsed, message }: Delivery) =>
  parsed.ok
    ? eventLogFields(parsed.event)
    : {
        event_id: parsed.id,
        event_type: parsed.type ?? (message.properties.type as string | undefined),
        correlation_id: message.properties.correlationId as string | undefined,
      };
