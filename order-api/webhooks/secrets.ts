import { randomBytes } from 'node:crypto';
import { z } from 'zod';

/** A secret as Standard Webhooks has them: `whsec_` and base64, here of 32 bytes. */
export const makeSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** A secret in an answer: in this one alone. */
export const secretAnswer = z.string().meta({
  description: 'Signs what is sent; shown now and never again',
  example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=',
});
