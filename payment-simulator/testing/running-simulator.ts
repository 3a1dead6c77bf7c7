import { newId } from '../../shared/ids';
import { createLogger } from '../../shared/service/logger';
import type { RequestRecord } from '../book';
import type { Payment } from '../payment';
import { startSimulator, type StartOptions } from '../start-simulator';

export interface Reply {
  status: number;
  replayed: boolean;
  body: Payment & { error?: { code: string; decline_code?: string; message: string } };
}

export type RunningSimulator = Awaited<ReturnType<typeof runSimulator>>;

/** A simulator that listens, and a client of it. */
export async function runSimulator(options: Partial<StartOptions> = {}) {
  const running = await startSimulator({
    port: 0,
    host: '127.0.0.1',
    slowMs: 100,
    hangMs: 60_000,
    log: createLogger('payment-simulator', 'silent'),
    ...options,
  });
  const url = `http://127.0.0.1:${running.port}`;
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    });
    return {
      status: response.status,
      replayed: response.headers.get('idempotent-replayed') === 'true',
      body: (await response.json()) as Reply['body'],
    };
  };
  const post = (path: string, body: unknown, key: string = newId()): Promise<Reply> =>
    send('POST', path, body, { 'idempotency-key': key });
  return {
    ...running,
    url,
    send,
    post,
    open: async (amount = '900.00', orderId: string = newId()): Promise<Payment> => {
      const body = { order_id: orderId, payment_id: newId(), amount, currency: 'INR' };
      return (await post('/v1/payments', body)).body;
    },
    /** Asks for an operation; `lost` where no answer comes. */
    ask: (id: string, operation: string, body: unknown, key?: string): Promise<Reply | 'lost'> =>
      post(`/v1/payments/${id}/${operation}`, body, key).catch(() => 'lost' as const),
    payment: async (id: string): Promise<Payment> => (await send('GET', `/v1/payments/${id}`)).body,
    requests: async (id: string): Promise<RequestRecord[]> => {
      const response = await fetch(`${url}/v1/payments/${id}/requests`);
      return ((await response.json()) as { requests: RequestRecord[] }).requests;
    },
  };
}
