import type { Reply } from './api-client';
import { judgeOrder, type FinalOrder } from './judge-order';
import { OrderBooks, outcomeOf, type OrderRecord } from './order-books';

const answer = (status: number, body: Record<string, unknown> = {}): Reply => ({
  kind: 'answer',
  status,
  body,
  ms: 1,
});
const accepted = answer(202, { order_id: 'o1', status: 'PLACED' });
const lost: Reply = { kind: 'unknown', error: 'socket hang up' };
const away: Reply = { kind: 'not-sent', error: 'connection refused' };

let books: OrderBooks;
let order: OrderRecord;
beforeEach(() => {
  books = new OrderBooks();
  order = books.open('c1', [{ itemId: 'dal', quantity: 2 }], { method: 'CASH' }, false);
});

const final = (more: Partial<FinalOrder> = {}): FinalOrder => ({
  id: 'o1',
  status: 'PREPARING',
  cancel_reason: null,
  payment_method: 'CASH',
  lines: [{ menu_item_id: 'dal', quantity: 2 }],
  history: ['PLACED', 'PREPARING'],
  cancelled_at: null,
  only_unpaid: false,
  unanswered: [],
  ...more,
});
const cancelled = (cancel_reason: string) =>
  final({ status: 'CANCELLED', cancel_reason, history: ['PLACED', 'CANCELLED'] });
const judge = (...found: FinalOrder[]) => judgeOrder(order, found, new Set(['dal']));

describe("a client's books", () => {
  it.each([
    [accepted, 'done'],
    [answer(422), 'refused'],
    [away, 'refused'],
    [lost, 'unknown'],
    [answer(503), 'unknown'],
    [answer(500), 'unknown'],
  ] as const)('%j is %s', (reply, outcome) => expect(outcomeOf(reply)).toBe(outcome));

  it('count an order by the last answer, and every request that may have made one', () => {
    for (const reply of [lost, away, accepted]) books.placed(order, reply);
    expect(order).toMatchObject({ placing: 'done', orderId: 'o1', mayExist: 2 });
    expect(books.count('done')).toBe(1);
    expect(books.count('unknown')).toBe(0);
  });

  it('do not forget that a request may have been done', () => {
    for (const reply of [lost, answer(409)]) books.cancelled(order, reply);
    expect(order.cancelling).toBe('unknown');
    books.cancelled(order, answer(200));
    expect(order.cancelling).toBe('done');
    books.moved(order, 'DELIVERED', answer(409));
    expect(order.moves).toEqual({ DELIVERED: 'refused' });
  });

  it('keep what no client should be answered', () => {
    books.placed(order, answer(503));
    expect(books.improper).toEqual([]);
    books.placed(order, answer(500, { detail: 'wrong' }));
    books.placed(order, answer(422));
    expect(books.improper).toHaveLength(2);
  });
});

describe('an order in the end', () => {
  it('is in order', () => {
    books.placed(order, accepted);
    expect(judge(final())).toEqual([]);
    order.cancelling = 'unknown';
    expect(judge(final())).toEqual([]);
    expect(judge(cancelled('CUSTOMER'))).toEqual([]);
  });

  it.each<[string, Partial<OrderRecord>, FinalOrder[], RegExp]>([
    ['accepted and lost', {}, [], /answered 202 and does not exist/],
    ['made twice', {}, [final(), final({ id: 'o2' })], /2 orders for 1 requests/],
    ['refused and made', { mayExist: 0, orderId: undefined }, [final()], /1 orders for 0/],
    ['never decided', {}, [final({ status: 'PLACED' })], /still PLACED/],
    ['of other lines', {}, [final({ lines: [] })], /other lines/],
    ['short of what is plenty', {}, [cancelled('OUT_OF_STOCK')], /OUT_OF_STOCK/],
    ['timed out', {}, [cancelled('TIMEOUT')], /cancelled as TIMEOUT/],
    ['cancelled unasked', {}, [cancelled('CUSTOMER')], /has not asked/],
    ['cancelled after a refusal', { cancelling: 'refused' }, [cancelled('STAFF')], /has not asked/],
    ['cancelled and going on', { cancelling: 'done' }, [final()], /answered to be CANCELLED/],
    ['moved, and not', { moves: { DELIVERED: 'done' } }, [final()], /to be DELIVERED and never was/],
    ['placed twice', {}, [final({ history: ['PLACED', 'PLACED', 'PREPARING'] })], /placed 2 times/],
    ['of another payment', {}, [final({ payment_method: 'CARD' })], /paid by CARD, and was to be by CASH/],
    ['unpaid, in cash', {}, [cancelled('PAYMENT_FAILED')], /its payment is in order/],
    ['moved by nobody', {}, [final({ history: ['PLACED', 'OUT_FOR_DELIVERY'] })], /became OUT_FOR_DELIVERY/],
  ])('%s: is found', (_name, more, found, expected) => {
    books.placed(order, accepted);
    Object.assign(order, more);
    expect(judge(...found).join()).toMatch(expected);
  });

  it('whose answer was lost may exist, but nobody can have asked more of it', () => {
    books.placed(order, lost);
    expect(judge()).toEqual([]);
    expect(judge(final())).toEqual([]);
    expect(
      judge(final({ status: 'DELIVERED', history: ['PLACED', 'OUT_FOR_DELIVERY', 'DELIVERED'] })),
    ).toHaveLength(2);
  });

  it('that is scarce may be out of stock', () => {
    books.placed(order, accepted);
    expect(judgeOrder(order, [cancelled('OUT_OF_STOCK')], new Set())).toEqual([]);
  });
});

describe('an order by card in the end', () => {
  const byCard = (token: string, ...found: FinalOrder[]) => {
    order = books.open('c2', [{ itemId: 'dal', quantity: 2 }], { method: 'CARD', token }, false);
    books.placed(order, accepted);
    return judge(...found.map((one) => ({ ...one, payment_method: 'CARD' }))).join();
  };

  it('goes on, or ends, as its card has it', () => {
    expect(byCard('tok_approved', final())).toBe('');
    expect(byCard('tok_declined', cancelled('PAYMENT_FAILED'))).toBe('');
  });

  it('may have been cancelled before its card was declined', () => {
    expect(byCard('tok_declined', cancelled('CUSTOMER'))).toMatch(/has not asked/);
    order.cancelling = 'done';
    expect(judge({ ...cancelled('CUSTOMER'), payment_method: 'CARD' })).toEqual([]);
  });

  it('may be out of time only where the gateway gave no answer and all else was done', () => {
    const late: FinalOrder = {
      ...cancelled('TIMEOUT'),
      cancelled_at: 90_000,
      only_unpaid: true,
      unanswered: [50_000],
    };
    expect(byCard('tok_approved', late)).toBe('');
    for (const more of [{ only_unpaid: false }, { unanswered: [] }, { unanswered: [95_000] }])
      expect(byCard('tok_approved', { ...late, ...more })).toMatch(/cancelled as TIMEOUT/);
  });

  it.each([
    ['tok_approved', cancelled('PAYMENT_FAILED'), /its payment is in order/],
    ['tok_insufficient_funds', final(), /with a card that is declined/],
    [
      'tok_declined',
      { ...cancelled('PAYMENT_FAILED'), history: ['PLACED', 'PREPARING', 'CANCELLED'] },
      /with a card that is declined/,
    ],
  ])('%s: what cannot be is found', (token, found, expected) =>
    expect(byCard(token, found)).toMatch(expected),
  );
});

describe('a draft', () => {
  const drafted = answer(201, { order_id: 'o1', status: 'DRAFT' });
  const draft = final({ status: 'DRAFT', history: ['DRAFT'] });
  const placed = final({ history: ['DRAFT', 'PLACED', 'PREPARING'] });
  beforeEach(() => {
    order = books.open('d1', [{ itemId: 'dal', quantity: 2 }], { method: 'CASH' }, true);
    books.placed(order, drafted);
  });

  it('is a draft for as long as nobody approves it', () => {
    expect(books.improper).toEqual([]);
    expect(judge(draft)).toEqual([]);
    expect(judge(placed).join()).toMatch(/placed, which nobody has asked for/);
    expect(judge({ ...draft, status: 'CANCELLED', cancel_reason: 'CUSTOMER' }).join()).toMatch(/not asked/);
    order.cancelling = 'done';
    expect(judge({ ...draft, status: 'CANCELLED', cancel_reason: 'CUSTOMER' })).toEqual([]);
  });

  it('that was answered to be approved is placed, once', () => {
    for (const reply of [lost, answer(202), answer(202)]) books.approved(order, reply);
    expect(order.approving).toBe('done');
    expect(judge(placed)).toEqual([]);
    expect(judge(draft).join()).toMatch(/answered to be approved and was never placed/);
    expect(judge({ ...placed, history: ['DRAFT', 'PLACED', 'PLACED'] }).join()).toMatch(/placed 2 times/);
    expect(judge(final({ status: 'PLACED', history: ['DRAFT', 'PLACED'] })).join()).toMatch(/still PLACED/);
  });

  it('with an approval that nobody answered is a draft, or placed', () => {
    books.approved(order, lost);
    expect(judge(draft)).toEqual([]);
    expect(judge(placed)).toEqual([]);
    expect(books.countDrafts()).toEqual({ made: 1, changes: 0, approved: 0, perhaps_approved: 1 });
  });

  it('cannot be refused its approval but for a cancellation', () => {
    books.approved(order, away);
    expect(judge(draft)).toEqual([]);
    books.approved(order, answer(409));
    expect(judge(draft).join()).toMatch(/nobody had cancelled it/);
    order.cancelling = 'done';
    expect(judge({ ...draft, status: 'CANCELLED', cancel_reason: 'STAFF' })).toEqual([]);
  });

  it('has the lines that it was changed to last, or those of a change without an answer', () => {
    const lines = (quantity: number) => [{ itemId: 'dal', quantity }];
    const ending = (quantity: number) => ({ ...draft, lines: [{ menu_item_id: 'dal', quantity }] });
    books.changed(order, lines(3), answer(200), true);
    expect(judge(ending(3))).toEqual([]);
    expect(judge(ending(2)).join()).toMatch(/other lines/);
    books.changed(order, lines(4), lost, true);
    expect(judge(ending(3))).toEqual([]);
    expect(judge(ending(4))).toEqual([]);
    expect(judge(ending(5)).join()).toMatch(/other lines/);
    books.changed(order, lines(5), answer(409), false);
    expect(books.improper).toEqual([]);
    books.changed(order, lines(5), answer(409), true);
    expect(books.improper).toHaveLength(1);
  });

  it('whose answer was lost stays a draft, and cannot have been approved', () => {
    order = books.open('d2', [{ itemId: 'dal', quantity: 2 }], { method: 'CASH' }, true);
    books.placed(order, lost);
    expect(judge(draft)).toEqual([]);
    expect(judge(placed).join()).toMatch(/nobody has asked for/);
  });
});
