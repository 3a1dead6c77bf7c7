import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { waitUntil } from '../../scripts/servers/wait-until';

/** Shares of the requests that it befalls, and a delay of them all: `PUT /v1/faults`. */
export type FaultRates = Partial<
  Record<'drop_before' | 'drop_after' | 'error' | 'hang_after' | 'delay_ms', number>
>;

/** A payment as the gateway's books have it. */
export interface BookedPayment {
  id: string;
  order_id: string;
  status: 'open' | 'authorized' | 'captured' | 'voided' | 'refunded' | 'declined';
  amount: string;
  currency: string;
  authorized_amount: string;
  captured_amount: string;
  refunded_amount: string;
  authorizations: number;
  captures: number;
  voids: number;
  refunds: number;
}

/** The payment gateway's back door: none of the mesh's requests go this way. */
export interface Gateway {
  /** Until it is told otherwise, or killed. `{}` heals. Resolves when it has taken it. */
  misbehave(rates: FaultRates): Promise<void>;
  /** All of its payments, by order. */
  books(): Promise<BookedPayment[]>;
}

const ANSWER_MS = 5_000;
/** Killed in another fault, it is started again within this time. */
const BACK_WITHIN_MS = 20_000;
const PAGE = 1_000;

export function gatewayAt(url: string): Gateway {
  const ask = async <T>(path: string, init?: RequestInit): Promise<T> => {
    const response = await fetch(`${url}/v1${path}`, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });
    if (!response.ok) throw new Error(`the gateway answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  };
  return {
    misbehave: async (rates) => {
      const headers = { 'content-type': 'application/json' };
      const put = () => ask('/faults', { method: 'PUT', headers, body: JSON.stringify(rates) });
      await waitUntil(put, { what: 'the gateway', timeoutMs: BACK_WITHIN_MS, everyMs: 100 });
    },
    books: async () => {
      const all: BookedPayment[] = [];
      for (let after = '', more = true; more;) {
        const page = await ask<{ payments: BookedPayment[]; next: string | null }>(
          `/payments?limit=${PAGE}${after && `&after=${after}`}`,
        );
        all.push(...page.payments);
        more = page.next !== null;
        after = page.next ?? '';
      }
      return all;
    },
  };
}

/** How often the gateway was asked, and what its callers got. */
export interface Requests {
  asked: number;
  answered: number;
  dropped: number;
  hung: number;
  failed: number;
  /** Asked again of what was done before. */
  replayed: number;
}

/** @param journal the simulator's, of a gateway that is not being asked any more */
export async function countRequests(journal: string): Promise<Requests> {
  const counts: Requests = { asked: 0, answered: 0, dropped: 0, hung: 0, failed: 0, replayed: 0 };
  for await (const line of createInterface({ input: createReadStream(journal) })) {
    const { request } = JSON.parse(line) as {
      request: { answer: 'answered' | 'dropped' | 'hung' | 'failed'; replayed: boolean };
    };
    counts.asked += 1;
    counts[request.answer] += 1;
    if (request.replayed) counts.replayed += 1;
  }
  return counts;
}
