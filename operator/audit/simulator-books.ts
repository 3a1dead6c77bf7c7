import { z } from 'zod';
import { briefly } from '../../shared/messaging/failure';
import { UnreadableBooksError, type GatewayBooks } from './gateway-books';

const PAGE = 500;
const TIMEOUT_MS = 10_000;

const amount = z.string().regex(/^\d+\.\d{2}$/);
const count = z.int().min(0);

const page = z.object({
  payments: z.array(
    z.object({
      id: z.string(),
      order_id: z.guid(),
      status: z.string(),
      currency: z.string(),
      authorized_amount: amount,
      captured_amount: amount,
      refunded_amount: amount,
      authorizations: count,
      captures: count,
      refunds: count,
    }),
  ),
  next: z.guid().nullish(),
});

/** The books of the payment simulator. @param url its origin, `http://127.0.0.1:9107` @param pageSize orders asked for at a time */
export function simulatorBooks(url: string, pageSize = PAGE): GatewayBooks {
  return {
    name: 'simulator',
    page: async ({ after, upTo }) => {
      const query = new URLSearchParams({ after, up_to: upTo, limit: String(pageSize) });
      try {
        const response = await fetch(new URL(`/v1/payments?${query.toString()}`, url), {
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        if (!response.ok) throw new Error(`it answered ${response.status}`);
        return page.parse(await response.json());
      } catch (error) {
        throw new UnreadableBooksError(`the simulator at ${url} could not be read: ${whyOf(error)}`);
      }
    },
  };
}

/** What `fetch` throws has the reason in its cause. */
function whyOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code ?? briefly(error);
}
