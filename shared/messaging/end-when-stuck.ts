import type { Database } from '../service/database';
import type { Check } from '../service/health-server';
import type { Logger } from '../service/logger';
import { EXIT } from '../service/exit-codes';
import type { Consumer } from './consumer';
import { within } from '../service/within';

export interface StuckOptions {
  consumer: Pick<Consumer, 'attemptMs' | 'atWork'>;
  database: Database;
  log: Logger;
  /** An attempt that takes longer never ends. */
  limitMs: number;
  /** For so long probes are told, before the process ends by itself. */
  toldMs?: number;
  end?: (code: number) => void;
}

const LOOK_EVERY_MS = 2_000;
const ANSWER_MS = 2_000;
/** The database has to be well for so long, or it may still be what the handler waits for. */
const WELL_MS = 10_000;
const TOLD_MS = 15_000;

/**
 * Watches over a consumer's handlers. A handler whose promise never settles holds up everything behind it, and only a new
 * process helps: liveness fails, and soon after the process ends by itself, because not everybody who starts processes
 * asks for their liveness. What it had in hand comes again, each event alone, so that after a few times the guilty one is
 * a dead letter. While the database is away nobody is blamed: it is what the handler waits for.
 */
export function endWhenStuck(options: StuckOptions): { check: () => Check; stop: () => void } {
  const {
    consumer,
    database,
    log,
    limitMs,
    toldMs = Math.min(TOLD_MS, limitMs),
    end = (code) => process.exit(code),
  } = options;
  let wellSince: number | undefined;
  let stuckSince: number | undefined;
  let looking = false;

  async function look(): Promise<void> {
    if (consumer.attemptMs() < limitMs || !(await isWell())) {
      wellSince = stuckSince = undefined;
      return;
    }
    const now = performance.now();
    wellSince ??= now;
    if (now - wellSince < Math.min(WELL_MS, limitMs)) return;
    stuckSince ??= now;
    if (now - stuckSince < toldMs) return;
    log.fatal(
      { event_ids: consumer.atWork(), limit_ms: limitMs },
      `${reason()}: ending the process, to be started anew`,
    );
    end(EXIT.stuck);
  }

  const isWell = () =>
    within(ANSWER_MS, database.$queryRaw`SELECT 1`).then(
      () => true,
      () => false,
    );
  const reason = () => {
    const events = consumer.atWork();
    return `a handler has not ended for ${Math.round(consumer.attemptMs() / 1_000)} s, with ${events.length === 1 ? `event ${events[0]}` : `${events.length} events`} in hand`;
  };

  const timer = setInterval(
    () => {
      if (looking) return;
      looking = true;
      void look().finally(() => (looking = false));
    },
    Math.min(LOOK_EVERY_MS, limitMs / 4),
  );
  timer.unref();
  return {
    check: () => stuckSince === undefined || reason(),
    stop: () => clearInterval(timer),
  };
}
