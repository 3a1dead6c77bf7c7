import { z } from 'zod';
import {
  GatewayBusyError,
  GatewaySetupError,
  NoAnswerError,
  retryAfterMs,
  type Answer,
  type Gateway,
  type GatewayPayment,
  type Money,
} from './gateway';

export interface SimulatorOptions {
  /** Where payment-simulator listens. */
  url: string;
  /** After which a request is given up and its connection freed. */
  timeoutMs: number;
}

const amount = z.string().regex(/^\d+\.\d{2}$/);
const paymentShape = z.object({
  id: z.string().min(1),
  status: z.enum(['open', 'authorized', 'captured', 'voided', 'refunded', 'declined']),
  currency: z.string(),
  authorized_amount: amount,
  captured_amount: amount,
  refunded_amount: amount,
  decline_code: z.string().nullable(),
});
const errorShape = z.object({
  error: z.object({ code: z.string(), decline_code: z.string().optional(), message: z.string() }),
});

type No = Exclude<Answer, { kind: 'done' }>;

/** The payment-simulator over HTTP; its protocol is in docs/guides/payment-simulator.md. */
export function simulatorGateway({ url, timeoutMs }: SimulatorOptions): Gateway {
  const base = url.replace(/\/+$/, '');

  /** @returns status and body of an answer that says something about the payment */
  async function send(
    path: string,
    key?: string,
    body?: unknown,
  ): Promise<{ status: number; body: unknown }> {
    const reply = await fetch(`${base}/v1/payments${path}`, {
      method: key === undefined ? 'GET' : 'POST',
      headers: key === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': key },
      body: body === undefined ? undefined : JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
      .then(async (response) => ({
        status: response.status,
        text: await response.text(),
        retryAfter: response.headers.get('retry-after'),
      }))
      .catch((error: unknown) => {
        throw new NoAnswerError(`no answer from the payment simulator: ${reasonOf(error)}`);
      });
    const { status, text, retryAfter } = reply;
    if (status === 401 || status === 403)
      throw new GatewaySetupError(`${base} answered ${status}: it does not take calls from us`);
    if (status === 429)
      throw new GatewayBusyError('the payment simulator answered 429', retryAfterMs(retryAfter));
    if (status >= 500) throw new NoAnswerError(`the payment simulator answered ${status}`);
    return { status, body: parsed(status, text) };
  }

  /** @throws NoAnswerError where it is not what the simulator answers */
  function read<T>(shape: z.ZodType<T>, { status, body }: { status: number; body: unknown }): T {
    const result = shape.safeParse(body);
    if (result.success) return result.data;
    throw new NoAnswerError(`the payment simulator answered ${status} with something else than expected`);
  }

  async function ask(reference: string, operation: string, key: string, body: unknown): Promise<Answer> {
    const answer = await send(`/${encodeURIComponent(reference)}/${operation}`, key, body);
    if (answer.status === 200) return { kind: 'done', payment: asPayment(read(paymentShape, answer)) };
    return asNo(answer.status, read(errorShape, answer).error);
  }

  return {
    name: 'simulator',
    open: async ({ orderId, paymentId, amount, currency }, key) => {
      const body = { order_id: orderId, payment_id: paymentId, amount, currency };
      const answer = await send('', key, body);
      if (answer.status === 201) return { kind: 'done', reference: read(paymentShape, answer).id };
      return { ...asNo(answer.status, read(errorShape, answer).error), kind: 'refused' };
    },
    authorize: (reference, token, key) => ask(reference, 'authorize', key, { token }),
    capture: (reference, money, key) => ask(reference, 'capture', key, only(money)),
    void: (reference, key) => ask(reference, 'void', key, {}),
    refund: (reference, money, key) => ask(reference, 'refund', key, only(money)),
    read: async (reference) => {
      const answer = await send(`/${encodeURIComponent(reference)}`);
      if (answer.status === 200) return asPayment(read(paymentShape, answer));
      const { code } = read(errorShape, answer).error;
      throw new GatewaySetupError(
        `the payment simulator at ${base} does not know ${reference} (${code}); was its journal removed?`,
      );
    },
  };
}

function asNo(status: number, error: z.infer<typeof errorShape>['error']): No {
  const { code, decline_code, message } = error;
  if (code === 'idempotency_key_in_use')
    throw new GatewayBusyError('a request with the same key is in progress');
  if (status === 402) return { kind: 'declined', code: decline_code ?? code, message };
  return { kind: 'refused', code, message };
}

const asPayment = (payment: z.infer<typeof paymentShape>): GatewayPayment => ({
  reference: payment.id,
  status: payment.status,
  currency: payment.currency,
  authorized: payment.authorized_amount,
  captured: payment.captured_amount,
  refunded: payment.refunded_amount,
  declineCode: payment.decline_code ?? undefined,
});

const only = ({ amount, currency }: Money): Money => ({ amount, currency });

function parsed(status: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NoAnswerError(`the payment simulator answered ${status} with something that is not JSON`);
  }
}

/** fetch says "fetch failed", and why in the cause. Neither quotes what was sent. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: Error & { code?: string } };
  return cause ? `${message} (${cause.code ?? cause.message})` : message;
}
