import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync } from 'node:fs';
import { inLocal } from '../servers/checkout';
import { writeStateFile } from '../servers/state-file';

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
    CARD_TOKEN_KEY: cardTokenKeys(),
    ...(url ? { PAYMENT_SIMULATOR_URL: url } : {}),
  };
}

/** A key that was given comes first; orders that are still to be paid may need the one that was used before it. */
function cardTokenKeys(): string {
  const given = process.env.CARD_TOKEN_KEY;
  if (!given) return cardTokenKey();
  return existsSync(KEY_FILE()) ? `${given},${cardTokenKey()}` : given;
}

const KEY_FILE = () => inLocal('card-token.key');

/**
 * This checkout's key for card tokens, made when it is first asked for. It outlives the data: an order that is
 * still to be paid needs the very key that its token was encrypted with.
 */
export function cardTokenKey(file = KEY_FILE()): string {
  const own = `${file}.${process.pid}`;
  writeStateFile(own, `${randomBytes(32).toString('base64')}\n`);
  try {
    linkSync(own, file); // whole or not at all, and never over another one
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(own, { force: true });
  }
  return readFileSync(file, 'utf8').trim();
}
