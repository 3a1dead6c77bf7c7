import type { Logger } from '../shared/service/logger';
import { pause } from '../shared/service/pause';
import { describe, outcomeOf, type Asked } from './asked';
import type { Book, Step } from './book';
import { cardOf, shownToken, type Mishap } from './cards';
import { decide } from './decide';
import { drawFault, faultRates, type Fault, type FaultRates } from './faults';
import type { Journal } from './journal';
import { newPayment, no, type Account, type ErrorBody, type Money, type Payment, type Wish } from './payment';

/** What the caller gets. */
export type Reaction =
  | { kind: 'answered' | 'failed'; status: number; body: Payment | ErrorBody; replayed: boolean }
  | { kind: 'dropped' }
  | { kind: 'hung' };

export interface SimulatorOptions {
  book: Book;
  journal: Journal;
  log: Logger;
  slowMs: number;
  /** Aborted at the end: what still waits is dropped, undone. */
  stopping: AbortSignal;
  random?: () => number;
}

/** As many as fit into Node's memory with room to spare; see the README. */
const MOST_PAYMENTS = 100_000;

const AFTER: Partial<Record<Fault, Mishap>> = { drop_after: 'dropped', hang_after: 'hung' };

/** Does what is asked, once for each key; in between it loses answers, as the faults and the cards have it. */
export class Simulator {
  faults: FaultRates = faultRates.parse({});
  /** Keys of requests that have not been done to the end. */
  private readonly executing = new Set<string>();

  constructor(private readonly options: SimulatorOptions) {}

  async ask(asked: Asked): Promise<Reaction> {
    const { book, stopping, random = Math.random } = this.options;
    const fault = drawFault(this.faults, random());
    if (this.faults.delay_ms > 0) await pause(this.faults.delay_ms, stopping);
    if (stopping.aborted || fault === 'drop_before') return this.undone(asked, 'dropped');
    if (fault === 'error') return this.undone(asked, 'failed');
    const known = book.answerTo(asked.key);
    if (known && known.fingerprint !== asked.fingerprint)
      return this.turnedAway(asked, 'idempotency_key_reused', 'The key belongs to another request.');
    if (known) return this.replay(asked, known, fault && AFTER[fault]);
    if (this.executing.has(asked.key))
      return this.turnedAway(asked, 'idempotency_key_in_use', 'A request with this key is being worked on.');
    this.executing.add(asked.key);
    try {
      return await this.execute(asked, fault && AFTER[fault]);
    } finally {
      this.executing.delete(asked.key);
    }
  }

  private async execute(asked: Asked, fault: Mishap | undefined): Promise<Reaction> {
    const { book, stopping, slowMs } = this.options;
    const { wish } = asked;
    if (wish.operation === 'open') return this.openPayment(asked, wish, fault);
    if (wish.operation === 'authorize' && cardOf(wish.token).slow) {
      await pause(slowMs, stopping);
      if (stopping.aborted) return this.undone(asked, 'dropped');
    }
    // Only now: what was done in the meantime, a void above all, comes first.
    const { account, mishap } = meet(book.account(asked.id!)!, wish);
    if (mishap === 'failed') return this.undone(asked, 'failed', account);
    const { payment, status, body } = decide(account.payment, account.card, wish);
    const tried = wish.operation === 'authorize' && payment !== account.payment;
    const card = tried ? testToken(wish.token) : account.card;
    return this.finish(asked, { ...account, payment, card }, { status, body }, fault ?? mishap);
  }

  private async openPayment(
    asked: Asked,
    { paymentId, money }: { paymentId: string; money: Money },
    fault: Mishap | undefined,
  ): Promise<Reaction> {
    if (this.options.book.paymentCount >= MOST_PAYMENTS)
      return this.turnedAway(
        asked,
        'simulator_full',
        `It takes ${MOST_PAYMENTS} payments; empty its journal.`,
      );
    const payment = newPayment(asked.orderId, paymentId, money);
    return this.finish(asked, { payment, met: {} }, { status: 201, body: payment }, fault);
  }

  private async finish(
    asked: Asked,
    account: Account,
    answer: { status: number; body: Payment | ErrorBody },
    mishap: Mishap | undefined,
  ): Promise<Reaction> {
    const reaction = react({ ...answer, replayed: false }, mishap);
    await this.record({
      request: { ...describe(asked, account.payment.id), ...outcomeOf(answer), answer: reaction.kind },
      account,
      answer: { key: asked.key, fingerprint: asked.fingerprint, ...answer },
    });
    return reaction;
  }

  private async replay(
    asked: Asked,
    known: { status: number; body: Payment | ErrorBody },
    fault: Mishap | undefined,
  ): Promise<Reaction> {
    const id = asked.id ?? ('id' in known.body ? known.body.id : null);
    const before = this.options.book.account(id ?? '');
    const met = before && asked.wish.operation !== 'open' ? meet(before, asked.wish) : undefined;
    // It was done before: where a card fails at first, that is over.
    const mishap = met?.mishap === 'failed' ? undefined : met?.mishap;
    const reaction = react({ status: known.status, body: known.body, replayed: true }, fault ?? mishap);
    await this.record({
      request: {
        ...describe(asked, id),
        ...outcomeOf(known),
        replayed: true,
        answer: reaction.kind,
      },
      account: met?.account,
    });
    return reaction;
  }

  /** Nothing was done, and the key is as unknown as before. */
  private async undone(asked: Asked, answer: 'dropped' | 'failed', account?: Account): Promise<Reaction> {
    const failed = answer === 'failed';
    const error = no(500, 'internal_error', 'Something went wrong; nothing was done.');
    await this.record({
      request: {
        ...describe(asked, asked.id ?? null),
        outcome: 'not_done',
        status: failed ? 500 : null,
        code: failed ? 'internal_error' : null,
        answer,
      },
      account,
    });
    return failed ? { kind: 'failed', ...error, replayed: false } : { kind: 'dropped' };
  }

  /** Refused for the key's sake or for want of room; no answer is stored. */
  private async turnedAway(asked: Asked, code: string, message: string): Promise<Reaction> {
    const answer = no(409, code, message);
    await this.record({
      request: { ...describe(asked, asked.id ?? null), ...outcomeOf(answer), answer: 'answered' },
    });
    return { kind: 'answered', ...answer, replayed: false };
  }

  private async record(step: Step): Promise<void> {
    this.options.book.apply(step);
    await this.options.journal.append(step);
    this.options.log.info(step.request, 'request');
  }
}

/** Counts a request against its card's mishaps. */
function meet(account: Account, wish: Wish): { account: Account; mishap?: Mishap } {
  const token = wish.operation === 'authorize' ? testToken(wish.token) : account.card;
  const mishap = token && cardOf(token).mishaps?.[wish.operation];
  if (!mishap) return { account };
  const name = `${wish.operation}:${token}`;
  const times = account.met[name] ?? 0;
  if (times >= mishap.times) return { account };
  return { account: { ...account, met: { ...account.met, [name]: times + 1 } }, mishap: mishap.how };
}

const testToken = (token: string) => (shownToken(token) === token ? token : undefined);

const react = (
  answer: { status: number; body: Payment | ErrorBody; replayed: boolean },
  mishap: Mishap | undefined,
): Reaction =>
  mishap === 'dropped' || mishap === 'hung' ? { kind: mishap } : { kind: 'answered', ...answer };
