import { z } from 'zod';
import { briefly, isPassing } from '../shared/messaging/failure';
import type { Worker } from '../shared/messaging/run-consumer';
import { cardTokenKeys, MissingKeyError, openCardToken } from '../shared/payment/card-token';
import { count, duration } from '../shared/service/config';
import { bare, Prisma, type Database } from '../shared/service/database';
import type { Logger } from '../shared/service/logger';
import { backoff } from '../shared/service/backoff';
import { GATEWAY, shareOf } from '../shared/service/pauses';
import { within } from '../shared/service/within';
import { beneath } from '../shared/tracing/beneath';
import { errorTypeOf, KIND, spanLogFields, startSpan, type Span } from '../shared/tracing/span';
import { readTraceContext } from '../shared/tracing/trace-context';
import { askGateway, type Finding, type PaymentDesk } from './ask-gateway';
import {
  GatewayBusyError,
  GatewaySetupError,
  GatewayUnavailableError,
  NoAnswerError,
  type Gateway,
} from './gateway/gateway';
import { tracedGateway } from './gateway/traced-gateway';
import { due, PAYMENT_COLUMNS, type Payment } from './payments';
import { settlePayment } from './settle-payment';

export const workConfig = z.object({
  /** Payments that this process asks the gateway about at a time. */
  PAYMENT_CONCURRENCY: count(16, 1_000),
  /** When another process takes a payment over whose process has not been heard of. */
  PAYMENT_TAKEOVER: duration('30s'),
  CARD_TOKEN_KEY: cardTokenKeys,
});
export type WorkOptions = z.infer<typeof workConfig> & {
  /** How often it looks for what others have recorded, or left behind. Default: every two seconds. */
  lookEveryMs?: number;
};

const LOOK_EVERY_MS = 2_000;
const STOP_MS = 5_000;
/** Three calls to the gateway, each with its repetitions, and as many statements. */
const LONGEST_WORK_MS = 300_000;
const SETTLE_TRIES = 5;

/**
 * A worker that asks the gateway what payments wait for, each payment at one process at a time. The
 * intent was committed before; the outcome is committed with its events after. What dies in between is taken up
 * again by whoever is there, under the same idempotency key.
 *
 * It looks when a handler of this process has committed something that is due, when the next payment becomes due, and
 * now and then, for what an operator or another process has left.
 */
export function workPayments(gateway: Gateway, options: WorkOptions): ReturnType<Worker> {
  const { PAYMENT_CONCURRENCY, PAYMENT_TAKEOVER, lookEveryMs = LOOK_EVERY_MS } = options;
  return ({ database, log, pauses, during }) => {
    const stopping = new AbortController();
    const inHand = new Set<Promise<void>>();

    /** While it or the gateway is paused, nothing is begun; after that more and more by and by. */
    const most = () =>
      shareOf(PAYMENT_CONCURRENCY, Math.min(pauses.share(GATEWAY), pauses.share('payment-service')));

    function begin(payment: Payment): void {
      const work = during(
        `the payment ${payment.id}`,
        () => workOn(database, gateway, options, payment, log),
        LONGEST_WORK_MS,
      ).finally(() => {
        inHand.delete(work);
        due.give(); // there is a place for another, or the same is due again
      });
      inHand.add(work);
    }

    /** @returns for how long there is nothing to do, unless something happens */
    async function takeSome(): Promise<number> {
      const free = most() - inHand.size;
      if (free <= 0) return lookEveryMs;
      const { claimed, nextInMs } = await during('the look for payments', () =>
        claim(database, gateway.name, free, PAYMENT_TAKEOVER),
      );
      for (const payment of claimed) begin(payment);
      return Math.min(Math.ceil(nextInMs), lookEveryMs);
    }

    const running = (async () => {
      let failures = 0;
      while (!stopping.signal.aborted) {
        const seen = due.given;
        try {
          const restMs = await takeSome();
          failures = 0;
          await due.after(seen, restMs, stopping.signal);
        } catch (error) {
          log.warn({ error: briefly(error) }, 'could not look for payments');
          await backoff(failures++, { signal: stopping.signal });
        }
      }
    })();
    return async () => {
      stopping.abort();
      await running;
      // An answer that comes later is asked for again, by whoever takes over.
      await within(STOP_MS, Promise.all(inHand)).catch(() => undefined);
    };
  };
}

export interface Claim {
  claimed: Payment[];
  /** Until the next of those that are not due yet is, in milliseconds; `Infinity` where there is none. */
  nextInMs: number;
}

/** Takes payments that are due, the longest waiting first; until `takeoverMs` from now nobody else does. */
export async function claim(
  database: Database,
  gateway: string,
  limit: number,
  takeoverMs: number,
): Promise<Claim> {
  const ours = Prisma.sql`(gateway IS NULL OR gateway = ${gateway})`;
  const rows = await bare(database).$queryRaw<(Payment & { next_in_ms: number | null })[]>`
    WITH claimed AS (
      UPDATE payments SET attempts = attempts + 1, asked_at = now(), next_attempt_at = now() + ${inMs(takeoverMs)}
      WHERE id = ANY (ARRAY(
        SELECT id FROM payments WHERE next_attempt_at <= now() AND ${ours}
        ORDER BY next_attempt_at LIMIT ${limit} FOR UPDATE SKIP LOCKED))
      RETURNING ${PAYMENT_COLUMNS})
    SELECT ${PAYMENT_COLUMNS}, next_in_ms FROM (
      SELECT (extract(epoch FROM min(next_attempt_at) - now()) * 1000)::float8 AS next_in_ms FROM payments
      WHERE next_attempt_at > now() AND ${ours}) AS next
    LEFT JOIN claimed ON true`;
  return {
    claimed: rows.flatMap(({ next_in_ms: _, ...payment }) => (payment.id === null ? [] : [payment])),
    nextInMs: rows[0]?.next_in_ms ?? Infinity,
  };
}

const inMs = (ms: number) => Prisma.sql`${ms}::float8 * interval '1 millisecond'`;

/** Asks about one payment and records the outcome. Never throws: what fails is due again. */
export async function workOn(
  ownDatabase: Database,
  ownGateway: Gateway,
  options: Pick<WorkOptions, 'CARD_TOKEN_KEY' | 'PAYMENT_TAKEOVER'>,
  payment: Payment,
  logger: Logger,
): Promise<void> {
  const span = traceWork(payment);
  const database = beneath(ownDatabase, span);
  const gateway = tracedGateway(ownGateway, span);
  const log = logger.child({
    order_id: payment.order_id,
    payment_id: payment.id,
    correlation_id: payment.correlation_id,
    ...spanLogFields(span),
  });
  try {
    const finding = await askGateway(gateway, deskOf(database, gateway, options), payment);
    if (!finding) return;
    span?.set('ordermesh.outcome', finding.cause);
    const settled = await settle(database, payment, finding, span);
    if (!settled?.moved)
      return log.info({ cause: finding.cause }, 'the payment has changed in the meantime; nothing done');
    const { state } = settled.payment;
    const facts = {
      from: payment.state,
      to: state,
      attempt: payment.attempts,
      decline_code: finding.declineCode,
    };
    if (state === 'REVIEW') log.error({ ...facts, review: finding.review }, 'payment needs an operator');
    else log.info(facts, 'payment moved');
  } catch (error) {
    span?.fail(errorTypeOf(error));
    await postpone(database, payment, error, log);
  } finally {
    span?.end();
  }
}

/** In the trace of the event that the payment works for; who made that without tracing has its part left out. */
function traceWork({ traceparent, tracestate, ...payment }: Payment): Span | undefined {
  const cause = readTraceContext(traceparent, tracestate);
  return cause
    ? startSpan('work on payment', KIND.internal, cause)
        ?.set('ordermesh.order_id', payment.order_id)
        .set('ordermesh.payment_id', payment.id)
        .set('ordermesh.payment_state', payment.state)
        .set('ordermesh.attempt', payment.attempts)
    : undefined;
}

/** What asking needs of the database. */
export const deskOf = (
  database: Database,
  gateway: Gateway,
  { CARD_TOKEN_KEY, PAYMENT_TAKEOVER }: Pick<WorkOptions, 'CARD_TOKEN_KEY' | 'PAYMENT_TAKEOVER'>,
): PaymentDesk => ({
  keepReference: async (payment, reference) => {
    const kept = await database.$executeRaw`
      UPDATE payments SET gateway = ${gateway.name}, gateway_reference = ${reference}, updated_at = now(),
        next_attempt_at = now() + ${inMs(PAYMENT_TAKEOVER)}
      WHERE id = ${payment.id}::uuid AND state = 'AUTHORIZING'
        AND coalesce(gateway_reference, ${reference}) = ${reference}`;
    return kept === 1;
  },
  readToken: async ({ id, order_id }) => {
    // Read together, as they change together: a token is deleted by the move that ends its use.
    const [row] = await database.$queryRaw<{ key_id: string | null; ciphertext: Uint8Array | null }[]>`
      SELECT t.key_id, t.ciphertext FROM payments p LEFT JOIN card_tokens t ON t.order_id = p.order_id
      WHERE p.id = ${id}::uuid AND p.state = 'AUTHORIZING'`;
    if (!row) return 'moved on';
    if (!row.ciphertext) return 'lost';
    try {
      return { token: openCardToken(CARD_TOKEN_KEY, order_id, { keyId: row.key_id, bytes: row.ciphertext }) };
    } catch (error) {
      throw new GatewaySetupError(
        error instanceof MissingKeyError ? error.message : 'the card token is not as it was stored',
      );
    }
  },
});

/** What was heard must not be lost to a deadlock; if the database is away, the gateway is asked again. */
async function settle(database: Database, asked: Payment, finding: Finding, span: Span | undefined) {
  for (let tries = 1; ; tries++) {
    try {
      return await database.$transaction((tx) => settlePayment(tx, asked, finding, undefined, span));
    } catch (error) {
      if (!isPassing(error) || tries >= SETTLE_TRIES) throw error;
      await backoff(tries);
    }
  }
}

/** Nobody knows the outcome, or nobody could be asked: due again later, the longer the more often it was tried. */
async function postpone(database: Database, payment: Payment, error: unknown, log: Logger): Promise<void> {
  const unasked = error instanceof GatewayUnavailableError;
  const keySpent = error instanceof NoAnswerError && error.keySpent;
  const asked = error instanceof GatewayBusyError ? error.retryAfterMs : 0;
  const waitMs = Math.max(
    asked,
    Math.min(60_000, 1_000 * 2 ** Math.min(payment.attempts - 1, 6)) * (0.5 + Math.random() / 2),
  );
  const facts = {
    error: briefly(error),
    state: payment.state,
    attempt: payment.attempts,
    wait_ms: Math.round(waitMs),
  };
  if (error instanceof GatewaySetupError) log.error(facts, 'the payment gateway cannot be used');
  else log.warn(facts, 'no answer about the payment; the gateway will be asked again');
  try {
    // Not attempted: it still counts as never asked, so that a cancellation needs no gateway.
    await database.$executeRaw`
      UPDATE payments SET next_attempt_at = now() + ${inMs(waitMs)}, last_error = ${briefly(error)},
        attempts = attempts - ${unasked ? 1 : 0}, round = round + ${keySpent ? 1 : 0}
      WHERE id = ${payment.id}::uuid AND state = ${payment.state} AND attempts = ${payment.attempts}`;
  } catch (failure) {
    log.warn({ error: briefly(failure) }, 'could not record the failed call; the payment will be retried');
  }
}
