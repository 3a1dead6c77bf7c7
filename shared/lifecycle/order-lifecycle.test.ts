import {
  actors,
  allowedMoves,
  decideMove,
  orderStatuses,
  type Actor,
  type OrderStatus,
} from './order-lifecycle';

/** Written out in full, by hand, from the drawing of the life of an order: from → to → who may. */
const expected: Partial<Record<OrderStatus, Partial<Record<OrderStatus, Actor[]>>>> = {
  DRAFT: { PLACED: ['CUSTOMER', 'STAFF'], CANCELLED: ['CUSTOMER', 'STAFF', 'MESH'] },
  PLACED: { PREPARING: ['MESH'], CANCELLED: ['CUSTOMER', 'STAFF', 'MESH'] },
  PREPARING: { OUT_FOR_DELIVERY: ['STAFF'], CANCELLED: ['CUSTOMER', 'STAFF'] },
  OUT_FOR_DELIVERY: { DELIVERED: ['STAFF'], CANCELLED: ['CUSTOMER', 'STAFF'] },
  DELIVERED: {},
  CANCELLED: {},
};

const cells = orderStatuses.flatMap((from) =>
  orderStatuses.flatMap((to) => actors.map((actor) => ({ from, to, actor }))),
);

describe('the life of an order', () => {
  it.each(cells)('$from → $to by $actor', ({ from, to, actor }) => {
    const decision = decideMove(from, to, actor);
    if (from === to) expect(decision).toEqual({ kind: 'already' });
    else if (expected[from]?.[to]?.includes(actor)) expect(decision).toEqual({ kind: 'move' });
    else expect(decision).toEqual({ kind: 'illegal', allowed: allowedMoves(from, actor) });
  });

  it('says what is allowed instead, in the order of life', () => {
    expect(allowedMoves('PREPARING', 'STAFF')).toEqual(['OUT_FOR_DELIVERY', 'CANCELLED']);
    expect(allowedMoves('PLACED', 'MESH')).toEqual(['PREPARING', 'CANCELLED']);
    expect(allowedMoves('DELIVERED', 'STAFF')).toEqual([]);
  });
});
