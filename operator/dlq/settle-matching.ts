import { attributeHeaders } from '../../shared/events/message-modes';
import { publishAsFarAsEncodable, type Publisher } from '../../shared/messaging/publisher';
import type { Broker } from '../command-line/broker';
import { pace } from '../command-line/pace';
import { showProgress } from '../command-line/progress';
import { UserError } from '../../scripts/servers/search';
import type { DeadLetterQueue } from './choose-queues';
import { idOnRecord, readDeadLetter, type Message } from './dead-letter';
import type { Decision, Decisions } from './decisions';
import { matches, type Filter } from './filter';
import { replayCopy } from './replay-copy';
import type { Taken } from './read-window';
import { scanQueue } from './scan-queue';

/** What became of one queue's messages. */
export interface Settled {
  /** Read, matching or not. */
  read: number;
  done: number;
  /** The broker would not take the copy, for this reason; they are still dead letters. */
  refused: number;
  refusal?: string;
  /** Of those refused: by the broker, which would refuse the next ones too. */
  stopped: boolean;
}

export interface SettleOptions {
  filter: Filter;
  /** So many a second at most. */
  rate: number;
  /** So many are read at most; by default as many as are there. */
  atMost?: number;
  decisions: Decisions;
  stopping: AbortSignal;
}

/** Does something about a message; what it resolves with says whether the message may leave the queue. */
type Settle = (
  message: Message,
) => Promise<{ leave: true } | { leave: false; why: string; isItsOwn: boolean }>;

/**
 * Sends what matches back to the service's own queue. A message leaves the dead-letter queue only after the
 * broker has confirmed its copy: whenever this is cut off, nothing is lost, and what is there twice is
 * handled once. A copy whose foreign headers cannot be written again goes without them.
 * @throws {UserError} when the service has no queue to go back to
 */
export const replay = (
  broker: Broker,
  publisher: Publisher,
  from: DeadLetterQueue,
  options: SettleOptions,
): Promise<Settled> =>
  settleMatching(broker, from, 'REPLAYED', options, async (message) => {
    const outcome = await publishAsFarAsEncodable(
      publisher,
      replayCopy(from.service, message),
      attributeHeaders(message.properties.headers),
    );
    if (outcome.kind === 'unroutable')
      throw new UserError(`${from.service} has no queue to go back to: run npm run migrate first.`);
    if (outcome.kind === 'routed') return { leave: true };
    return { leave: false, why: outcome.error, isItsOwn: outcome.unencodable === true };
  });

/** Removes what matches. */
export const discard = (broker: Broker, from: DeadLetterQueue, options: SettleOptions): Promise<Settled> =>
  settleMatching(broker, from, 'DISCARDED', options, () => Promise.resolve({ leave: true }));

const MOST_IN_MEMORY = 5_000;
const LEAST_IN_MEMORY = 200;
const WINDOW_SECONDS = 60;

async function settleMatching(
  broker: Broker,
  { service, queue }: DeadLetterQueue,
  decision: Decision,
  { filter, rate, atMost, decisions, stopping }: SettleOptions,
  settle: Settle,
): Promise<Settled> {
  const result: Settled = { read: 0, done: 0, refused: 0, stopped: false };
  const progress = showProgress(`${decision === 'REPLAYED' ? 'Replaying' : 'Discarding'} ${queue}`);
  const turn = pace(rate, stopping);
  let total: number | undefined;
  let failure: unknown;

  const settleOne = async ({ message, acknowledge }: Taken): Promise<void> => {
    try {
      const keep = await decisions.begin();
      const outcome = await settle(message);
      if (outcome.leave) {
        await keep(decision, { ...readDeadLetter(service, message), eventId: idOnRecord(message) });
        acknowledge();
        result.done++;
      } else {
        result.refused++;
        result.refusal = outcome.why;
        result.stopped ||= !outcome.isItsOwn;
      }
    } catch (error) {
      failure ??= error;
    }
  };

  result.read = await scanQueue(broker, queue, {
    // The broker gives nobody a message for longer than half an hour, so a slow rate means a small window.
    windowSize: Math.min(MOST_IN_MEMORY, Math.max(LEAST_IN_MEMORY, rate * WINDOW_SECONDS)),
    atMost,
    wants: (message) => matches(filter, readDeadLetter(service, message)),
    settle: async (taken) => {
      const underWay: Promise<void>[] = [];
      for (const one of taken) {
        await turn();
        if (stopping.aborted || failure) break;
        underWay.push(settleOne(one));
        progress.update(result.read, total, `${result.done} done`);
      }
      await Promise.all(underWay);
      if (failure) throw failure as Error;
    },
    progress: (read, all) => {
      total = all;
      result.read = read;
      progress.update(read, all, `${result.done} done`);
    },
    enough: () => stopping.aborted || result.stopped,
  }).finally(() => progress.end());
  return result;
}
