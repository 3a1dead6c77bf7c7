import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isUuid } from '../shared/ids';
import { shownToken } from './cards';

const uuid = z
  .string()
  .refine(isUuid, 'must be a UUID')
  .transform((id) => id.toLowerCase()); // so that they sort as UUIDs do

const money = {
  amount: z
    .string()
    .regex(/^(0|[1-9]\d{0,12})\.\d{2}$/, 'must be a decimal string with two places, "900.00"')
    .refine((amount) => /[1-9]/.test(amount), 'must be more than zero'),
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code, "INR"'),
};

/** The bodies that the simulator takes, by operation. */
export const bodies = {
  open: z.strictObject({ order_id: uuid, payment_id: uuid, ...money }),
  authorize: z.strictObject({ token: z.string().min(1).max(500) }),
  capture: z.strictObject(money),
  void: z.strictObject({}),
  refund: z.strictObject(money),
};

export const idempotencyKey = z
  .string({ error: 'is missing' })
  .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 printable characters');

export const byOrder = z.strictObject({ order_id: uuid });

export const inRange = z.strictObject({
  after: uuid.optional(),
  up_to: uuid.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

/** Tells whether a request with a known key is the same request again. */
export function fingerprint(path: string, body: Record<string, unknown>): string {
  return createHash('sha256')
    .update(JSON.stringify([path, Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1))]))
    .digest('hex');
}

/** A digest of something as short as a card number would give it away: that one counts as any other. */
export const withoutCardNumber = (body: { token: string }) =>
  /(\d[ -]?){12}/.test(body.token) ? { token: shownToken(body.token) } : body;
