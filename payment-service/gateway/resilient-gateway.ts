import {
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleType,
  isBrokenCircuitError,
  retry,
  TaskCancelledError,
  timeout,
  TimeoutStrategy,
} from 'cockatiel';
import type { Logger } from '../../shared/service/logger';
import { countCall, type GatewayOperation } from './gateway-metrics';
import { GatewayBusyError, GatewayUnavailableError, NoAnswerError, type Gateway } from './gateway';

export interface ResilienceOptions {
  log: Logger;
  /** For each attempt. */
  timeoutMs?: number;
  /** In all, the first included. */
  attempts?: number;
  /** About how long it waits before the second attempt; twice as long before each further one. */
  backoffMs?: number;
  /** After so many attempts in a row without an answer the circuit opens. */
  breakAfter?: number;
  /** So long it stays open; then one call is let through to see. */
  halfOpenAfterMs?: number;
}

const ATTEMPTS = 3;
const LONGEST_BACKOFF_MS = 1_000;

/** No answer in time. The request may still arrive, and be done. */
class GatewayTimeoutError extends NoAnswerError {
  override name = 'GatewayTimeoutError';
}

/**
 * The gateway behind a timeout, a retry with the same idempotency key, and a circuit breaker that all of its
 * calls share. A no is an answer: only a {@link NoAnswerError} is tried again, and counts against the circuit, unless
 * the gateway says that it is busy: then it is well, and asked again later.
 *
 * A call ends within `attempts` × `timeoutMs` + (`attempts` − 1) seconds: 17 s as it comes. It rejects with
 * {@link GatewayUnavailableError} where the circuit was open and nothing was asked at all; where one of its
 * attempts was made, with that one's error.
 */
/** The longest that a call can take, its retries included. */
export const longestCallMs = (timeoutMs: number, attempts = ATTEMPTS): number =>
  attempts * timeoutMs + (attempts - 1) * LONGEST_BACKOFF_MS;

export function withResilience(gateway: Gateway, options: ResilienceOptions): Gateway {
  const {
    timeoutMs = 5_000,
    attempts = ATTEMPTS,
    backoffMs = 200,
    breakAfter = 5,
    halfOpenAfterMs = 5_000,
  } = options;
  const limit = timeout(timeoutMs, TimeoutStrategy.Aggressive);
  const breaker = circuitBreaker(
    handleType(NoAnswerError, (error) => !(error instanceof GatewayBusyError)),
    {
      halfOpenAfter: halfOpenAfterMs,
      breaker: new ConsecutiveBreaker(breakAfter),
    },
  );
  const again = retry(
    handleType(NoAnswerError, (error) => !(error instanceof GatewayUnavailableError)),
    {
      maxAttempts: attempts - 1,
      backoff: new ExponentialBackoff({ initialDelay: backoffMs, maxDelay: LONGEST_BACKOFF_MS }),
    },
  );
  const log = options.log.child({ gateway: gateway.name });
  breaker.onBreak(() =>
    log.warn({ for_ms: halfOpenAfterMs }, 'the payment gateway does not answer: circuit open'),
  );
  breaker.onHalfOpen(() => log.info('trying whether the payment gateway answers: circuit half open'));
  breaker.onReset(() => log.info('the payment gateway answers: circuit closed'));

  const attempt = <T>(ask: () => Promise<T>): Promise<T> =>
    limit.execute(ask).catch((error: unknown) => {
      // Not the library's isTaskCancelledError: in 3.2.1 that looks for another error's mark.
      if (!(error instanceof TaskCancelledError)) throw error;
      throw new GatewayTimeoutError(`no answer from the payment gateway within ${timeoutMs} ms`);
    });

  /** The breaker would let others wait for the one that tries; they would wait for its timeout. */
  const unlessOpen = async <T>(ask: () => Promise<T>): Promise<T> => {
    if (breaker.state === CircuitState.HalfOpen) throw unavailable();
    return breaker
      .execute(() => attempt(ask))
      .catch((error: unknown) => {
        throw isBrokenCircuitError(error) ? unavailable() : error;
      });
  };

  const call = <T>(operation: GatewayOperation, ask: () => Promise<T>): Promise<T> => {
    let unanswered: unknown;
    return again.execute(() =>
      countCall(operation, unlessOpen(ask)).catch((error: unknown) => {
        if (error instanceof GatewayUnavailableError) throw unanswered ?? error;
        unanswered = error;
        throw error;
      }),
    );
  };

  return {
    name: gateway.name,
    open: (...given) => call('open', () => gateway.open(...given)),
    authorize: (...given) => call('authorize', () => gateway.authorize(...given)),
    capture: (...given) => call('capture', () => gateway.capture(...given)),
    void: (...given) => call('void', () => gateway.void(...given)),
    refund: (...given) => call('refund', () => gateway.refund(...given)),
    read: (...given) => call('read', () => gateway.read(...given)),
  };
}

const unavailable = () =>
  new GatewayUnavailableError('the payment gateway has not answered for a while: not asked');
