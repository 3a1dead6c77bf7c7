import { z } from 'zod';

const rate = z.number().min(0).max(1).default(0);

/** What happens to requests at random. Of one request at most one of the four. */
export const faultRates = z
  .strictObject({
    /** The connection breaks, and nothing was done. */
    drop_before: rate,
    /** 500, and nothing was done. */
    error: rate,
    /** It is done, then the connection breaks. */
    drop_after: rate,
    /** It is done, and there is no answer. */
    hang_after: rate,
    /** How long every request waits before anything. */
    delay_ms: z.number().int().min(0).max(600_000).default(0),
  })
  .refine(
    ({ drop_before, error, drop_after, hang_after }) => drop_before + error + drop_after + hang_after <= 1,
    {
      error: 'the four rates add up to more than 1',
    },
  );
export type FaultRates = z.output<typeof faultRates>;

const KINDS = ['drop_before', 'error', 'drop_after', 'hang_after'] as const;
export type Fault = (typeof KINDS)[number];

/** Which fault a request gets. @param random from 0 to below 1 */
export function drawFault(rates: FaultRates, random: number): Fault | undefined {
  let below = 0;
  return KINDS.find((kind) => random < (below += rates[kind]));
}
