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
  order = books.open('c1', [{ itemId: 'dal', quantity: 2 }]);
});

const final = (more: Partial<FinalOrder> = {}): FinalOrder => ({
  id: 'o1',
  status: 'PREPARING',
  cancel_reason: null,
  lines: [{ menu_item_id: 'dal', quantity: 2 }],
  history: ['PLACED', 'PREPARING'],
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
    ['timed out', {}, [cancelled('TIMEOUT')], /because of TIMEOUT/],
    ['cancelled unasked', {}, [cancelled('CUSTOMER')], /has not asked/],
    ['cancelled after a refusal', { cancelling: 'refused' }, [cancelled('STAFF')], /has not asked/],
    ['cancelled and going on', { cancelling: 'done' }, [final()], /answered to be CANCELLED/],
    ['moved, and not', { moves: { DELIVERED: 'done' } }, [final()], /to be DELIVERED and never was/],
    ['moved by nobody', {}, [final({ history: ['OUT_FOR_DELIVERY'] })], /became OUT_FOR_DELIVERY/],
  ])('%s: is found', (_name, more, found, expected) => {
    books.placed(order, accepted);
    Object.assign(order, more);
    expect(judge(...found).join()).toMatch(expected);
  });

  it('whose answer was lost may exist, but nobody can have asked more of it', () => {
    books.placed(order, lost);
    expect(judge()).toEqual([]);
    expect(judge(final())).toEqual([]);
    expect(judge(final({ status: 'DELIVERED', history: ['OUT_FOR_DELIVERY', 'DELIVERED'] }))).toHaveLength(2);
  });

  it('that is scarce may be out of stock', () => {
    books.placed(order, accepted);
    expect(judgeOrder(order, [cancelled('OUT_OF_STOCK')], new Set())).toEqual([]);
  });
});
