import {
  NoAnswerError,
  type Answer,
  type Gateway,
  type GatewayPayment,
  type Money,
  type Opened,
  type OpenRequest,
} from '../../payment-service/gateway/gateway';
import { newId } from '../../shared/ids';
import type { Fate } from './steps';

/** A payment at the gateway, with how often each was done to it. */
export interface Held extends GatewayPayment {
  orderId: string;
  done: { authorized: number; captured: number; voided: number; refunded: number };
}

const NOTHING = '0.00';

/** A gateway without a network, so that the history decides what arrives, when, and whose answer is lost. */
export class TableGateway implements Gateway {
  readonly name = 'simulator';
  readonly payments: Held[] = [];
  /** What becomes of the next calls; answered, when there is no more. */
  fates: Fate[] = [];
  /** What happens as the nth of the next calls is made. */
  meanwhile: { call: number; happens: () => Promise<void> } | null = null;
  readonly #answers = new Map<string, Answer | Opened>();
  readonly #late: (() => void)[] = [];

  get hasLate(): boolean {
    return this.#late.length > 0;
  }

  /** Requests that were on their way all the time arrive. */
  arrive(): void {
    for (const request of this.#late.splice(0)) request();
  }

  open({ orderId, amount, currency }: OpenRequest, key: string): Promise<Opened> {
    return this.#call(key, () => {
      if (Number(amount) <= 0) return { kind: 'refused', code: 'amount_too_small', message: amount };
      const none = { authorized: NOTHING, captured: NOTHING, refunded: NOTHING };
      const done = { authorized: 0, captured: 0, voided: 0, refunded: 0 };
      this.payments.push({ reference: newId(), orderId, status: 'open', currency, ...none, done });
      this.#amounts.set(this.payments.at(-1)!.reference, amount);
      return { kind: 'done', reference: this.payments.at(-1)!.reference };
    });
  }

  authorize(reference: string, token: string, key: string): Promise<Answer> {
    return this.#change(key, reference, ['open', 'declined'], (payment) => {
      if (token === 'tok_declined') {
        payment.status = 'declined';
        payment.declineCode = 'insufficient_funds';
        return { kind: 'declined', code: 'insufficient_funds', message: 'no' };
      }
      payment.authorized = this.#amounts.get(reference)!;
      payment.status = 'authorized';
      payment.done.authorized += 1;
      if (token === 'tok_refuses') this.#refusing.add(reference);
      return undefined;
    });
  }

  capture(reference: string, { amount }: Money, key: string): Promise<Answer> {
    return this.#change(key, reference, ['authorized'], (payment) => {
      if (this.#refusing.has(reference)) return { kind: 'refused', code: 'capture_refused', message: 'no' };
      payment.captured = amount;
      payment.status = 'captured';
      payment.done.captured += 1;
      return undefined;
    });
  }

  void(reference: string, key: string): Promise<Answer> {
    return this.#change(key, reference, ['open', 'declined', 'authorized'], (payment) => {
      payment.status = 'voided';
      payment.done.voided += 1;
      return undefined;
    });
  }

  refund(reference: string, { amount }: Money, key: string): Promise<Answer> {
    return this.#change(key, reference, ['captured'], (payment) => {
      payment.refunded = amount;
      payment.status = 'refunded';
      payment.done.refunded += 1;
      return undefined;
    });
  }

  read(reference: string): Promise<GatewayPayment> {
    return Promise.resolve({ ...this.#find(reference) });
  }

  readonly #amounts = new Map<string, string>();
  readonly #refusing = new Set<string>();

  #find(reference: string): Held {
    const payment = this.payments.find((one) => one.reference === reference);
    if (!payment) throw new Error(`the gateway has no payment ${reference}`);
    return payment;
  }

  #change(
    key: string,
    reference: string,
    from: readonly GatewayPayment['status'][],
    change: (payment: Held) => Answer | undefined,
  ): Promise<Answer> {
    return this.#call(key, () => {
      const payment = this.#find(reference);
      if (!from.includes(payment.status))
        return { kind: 'refused', code: 'impossible', message: payment.status };
      return change(payment) ?? { kind: 'done', payment: { ...payment } };
    });
  }

  /** Does it once for a key, and lets the answer through, or not. */
  async #call<A extends Answer | Opened>(key: string, work: () => A): Promise<A> {
    if (this.meanwhile && this.meanwhile.call-- === 0) await this.meanwhile.happens();
    const once = (): A => {
      const known = this.#answers.get(key) ?? work();
      this.#answers.set(key, known);
      return known as A;
    };
    switch (this.fates.shift() ?? 'answered') {
      case 'answered':
        return once();
      case 'answer lost':
        once();
        break;
      case 'arrives late':
        this.#late.push(() => void once());
        break;
      case 'never arrives':
        break;
    }
    throw new NoAnswerError('no answer');
  }
}
