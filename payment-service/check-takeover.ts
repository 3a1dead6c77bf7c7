import { ConfigError } from '../shared/service/config';
import { longestCallMs } from './gateway/resilient-gateway';

/**
 * A payment must not be taken over from a process that may still be asking about it.
 * @throws {ConfigError} where one setting makes no sense beside the other
 */
export function checkTakeover(
  { PAYMENT_TIMEOUT }: { PAYMENT_TIMEOUT: number },
  { PAYMENT_TAKEOVER }: { PAYMENT_TAKEOVER: number },
): void {
  const least = longestCallMs(PAYMENT_TIMEOUT);
  if (PAYMENT_TAKEOVER >= least) return;
  const problem = `  PAYMENT_TAKEOVER: must be ${least / 1_000}s or longer, because a call to the gateway may take as long with PAYMENT_TIMEOUT=${PAYMENT_TIMEOUT / 1_000}s and its two retries`;
  throw new ConfigError(`Bad configuration:\n${problem}`, [problem]);
}
