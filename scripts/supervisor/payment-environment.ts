import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { inLocal } from '../servers/checkout';

export const PAYMENT_SIMULATOR = 'payment-simulator';

const data = () => inLocal(PAYMENT_SIMULATOR);

/** For the simulator of the one whole mesh of this checkout: a journal is for one process. */
export const simulatorEnvironment = (): Record<string, string> => ({
  SIMULATOR_JOURNAL: process.env.SIMULATOR_JOURNAL || `${data()}/journal.jsonl`,
});

/** The simulated payments, all of them. */
export const removeSimulatorData = (): void => rmSync(data(), { recursive: true, force: true });

/**
 * What the other services need for card payments; what the user's environment sets comes first.
 * @param simulatorUrl where the simulator is, if there is one
 */
export function paymentEnvironment(simulatorUrl: string | undefined): Record<string, string> {
  const url = process.env.PAYMENT_SIMULATOR_URL || simulatorUrl;
  return {
    CARD_TOKEN_KEY: process.env.CARD_TOKEN_KEY || cardTokenKey(),
    ...(url ? { PAYMENT_SIMULATOR_URL: url } : {}),
  };
}

/**
 * This checkout's key for card tokens, made when it is first asked for. It outlives the data: an order that is
 * still to be paid needs the very key that its token was encrypted with.
 */
export function cardTokenKey(file = inLocal('card-token.key')): string {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  try {
    linkSync(own, file); // whole or not at all, and never over another one
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(own, { force: true });
  }
  return readFileSync(file, 'utf8').trim();
}
