import { z } from 'zod';
import { eventTypes } from '../../shared/events/contracts';
import { parsed } from '../../shared/service/parsed';
import { receiverUrl, whyPrivate } from '../../shared/webhooks/receiver-address';
import { unprocessable } from '../http/problem';

export const eventType = z.enum(eventTypes, {
  error: 'must be the type of an event, such as order.placed.v1',
});

/** What may be said of an endpoint, when it is added and later. */
export const webhookFields = {
  url: parsed(receiverUrl).meta({
    type: 'string',
    format: 'uri',
    maxLength: 2_048,
    pattern: '^https?://',
    description: 'https or http, a public address, without user, password and fragment',
  }),
  event_types: z
    .array(eventType)
    .min(1, { error: 'must name at least one; without event_types it is all of them' })
    .max(100, { error: 'must name 100 at most' })
    .transform((given) => [...new Set(given)].sort())
    .meta({ description: 'All of them, those to come included, where it is absent' }),
};

/** @throws {Problem} 422 where only this machine or network reaches the address, and nobody has allowed that */
export function checkReceiver(url: string | undefined, allowPrivate: boolean): void {
  const why = url === undefined || allowPrivate ? undefined : whyPrivate(url);
  if (why) throw unprocessable([{ pointer: '#/url', detail: why }]);
}
