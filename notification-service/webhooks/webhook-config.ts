import { z } from 'zod';
import { duration, parsed } from '../../shared/service/config';
import { parseDuration } from '../../shared/service/duration';
import { allowPrivate } from '../../shared/webhooks/receiver-address';
import { isMailAddress } from '../mail/address';
import { openPost } from './post';
import type { WebhookSettings } from './webhook-channel';

/** As the specification of Standard Webhooks suggests: three days and a little. */
const DELAYS = '5s,5m,30m,2h,5h,10h,14h,20h,24h';

/** Variables of webhooks. */
export const webhookConfig = z.object({
  /** order-api has to be told the same. */
  WEBHOOK_ALLOW_PRIVATE: allowPrivate,
  /** After the first attempt, the second, …; after the last one of them and one more attempt, it failed for good. */
  WEBHOOK_RETRY_DELAYS: parsed((text) => text.split(',').map((part) => parseDuration(part.trim()))).prefault(
    DELAYS,
  ),
  /** How long every attempt at an endpoint may fail before it is disabled. */
  WEBHOOK_DISABLE_AFTER: duration('3d'),
  /** Who is told where a webhook of the whole shop, or of a restaurant without an address, is disabled. */
  MAIL_ADMIN: parsed(mailAddress).optional(),
});

function mailAddress(text: string): string {
  if (!isMailAddress(text)) throw new Error('must be an e-mail address, such as admin@shop.example');
  return text;
}

/** @param mails whether there is a way to send mail */
export const webhookSettings = (config: z.output<typeof webhookConfig>, mails: boolean): WebhookSettings => ({
  mails: mails ? { admin: config.MAIL_ADMIN } : undefined,
  post: openPost({ allowPrivate: config.WEBHOOK_ALLOW_PRIVATE }),
  retryDelays: config.WEBHOOK_RETRY_DELAYS,
  disableAfterMs: config.WEBHOOK_DISABLE_AFTER,
});
