import type { Logger } from '../service/logger';
import { openPublisher, type Publisher } from './publisher';
import { keepSession, type Session } from './session';
import type { Copies } from './set-aside';

const CONFIRM_TIMEOUT_MS = 15_000;
const RENEW_EVERY_MS = 4_000;

/**
 * A connection for what a consumer publishes itself, apart from the one that it consumes on: a broker in alarm stops
 * reading from connections that publish, and would read no acknowledgements either.
 * https://www.rabbitmq.com/docs/alarms#client-connections
 */
export function openCopies(url: string, name: string, log: Logger): Copies & { stop(): Promise<void> } {
  let open: { session: Session; publisher: Publisher; since: number } | undefined;
  const keeper = keepSession({
    url,
    name: `${name} copies`,
    log,
    setUp: async (session) => {
      const publisher = await openPublisher(session, CONFIRM_TIMEOUT_MS, { waitsOutAlarms: true });
      open = { session, publisher, since: Date.now() };
      session.onEnd(() => (open = undefined));
    },
  });
  return {
    publisher: () => (keeper.isUp() ? open?.publisher : undefined),
    refused: () => {
      if (open && Date.now() - open.since > RENEW_EVERY_MS)
        open.session.fail(new Error('a copy was refused; trying on a new connection'));
    },
    stop: () => keeper.stop(),
  };
}
