import { z } from 'zod';

/** How many of each bucket are listed. */
export const mostListed = z
  .string()
  .default('10')
  .refine((value) => /^\d{1,3}$/.test(value) && Number(value) >= 1 && Number(value) <= 100, {
    error: 'must be a whole number from 1 to 100',
  })
  .transform(Number)
  .meta({ type: 'integer', minimum: 1, maximum: 100, default: 10 });
