import { Decimal, formatPrice } from '../shared/money';
import { cardOf } from './cards';
import { no, type ErrorBody, type Money, type Operation, type Payment, type Wish } from './payment';

/** The payment afterwards, and the answer; the payment is the very one given where nothing has changed. */
export interface Verdict {
  payment: Payment;
  status: number;
  body: Payment | ErrorBody;
}

/** Where a payment has to stand for an operation. A declined one may be tried with another card. */
const FROM: Record<Wish['operation'], readonly Payment['status'][]> = {
  authorize: ['open', 'declined'],
  capture: ['authorized'],
  void: ['open', 'declined', 'authorized'],
  refund: ['captured'],
};

/**
 * What becomes of a payment when it is asked for something.
 * @param card the test token that it was authorised with
 */
export function decide(payment: Payment, card: string | undefined, wish: Wish): Verdict {
  const refuse = (code: string, message: string): Verdict => ({ payment, ...no(409, code, message) });
  if (!FROM[wish.operation].includes(payment.status))
    return refuse(standsInTheWay(payment.status, wish.operation), `The payment is ${payment.status}.`);
  const refusal = cardOf(card ?? '').refuses?.[wish.operation];
  if (card && refusal) return refuse(refusal, `The card's issuer does not do a ${wish.operation}.`);
  switch (wish.operation) {
    case 'authorize':
      return authorize(payment, wish.token);
    case 'capture': {
      const problem = moneyProblem(payment, wish.money, payment.authorized_amount);
      if (problem)
        return refuse(problem, `${payment.authorized_amount} ${payment.currency} can be captured.`);
      return done({
        ...payment,
        status: 'captured',
        captured_amount: wish.money.amount,
        captures: payment.captures + 1,
      });
    }
    case 'void':
      return done({ ...payment, status: 'voided', voids: payment.voids + 1 });
    case 'refund': {
      const left = new Decimal(payment.captured_amount).minus(payment.refunded_amount);
      const problem = moneyProblem(payment, wish.money, left);
      if (problem) return refuse(problem, `${formatPrice(left)} ${payment.currency} can be refunded.`);
      return done({
        ...payment,
        status: left.equals(wish.money.amount) ? 'refunded' : 'captured',
        refunded_amount: formatPrice(new Decimal(payment.refunded_amount).plus(wish.money.amount)),
        refunds: payment.refunds + 1,
      });
    }
  }
}

const done = (payment: Payment): Verdict => ({ payment, status: 200, body: payment });

function authorize(payment: Payment, token: string): Verdict {
  const { declines, wrongAmount } = cardOf(token);
  if (declines) {
    const declined: Payment = { ...payment, status: 'declined', decline_code: declines };
    return { payment: declined, ...no(402, 'card_declined', 'The card was declined.', declines) };
  }
  const amount = new Decimal(payment.amount);
  const authorized = wrongAmount ? amount.plus(amount.greaterThan(1) ? -1 : 1) : amount;
  return done({
    ...payment,
    status: 'authorized',
    authorized_amount: formatPrice(authorized),
    decline_code: null,
    authorizations: payment.authorizations + 1,
  });
}

function moneyProblem(payment: Payment, money: Money, most: Decimal.Value): string | undefined {
  if (money.currency !== payment.currency) return 'currency_mismatch';
  return new Decimal(money.amount).greaterThan(most) ? 'amount_too_large' : undefined;
}

function standsInTheWay(status: Payment['status'], operation: Operation): string {
  if (status !== 'open' && status !== 'declined' && !(status === 'authorized' && operation === 'refund'))
    return `already_${status}`;
  return operation === 'refund' ? 'not_captured' : 'not_authorized';
}
