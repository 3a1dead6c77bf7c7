import fc from 'fast-check';
import { MAX_STOCK, Stock, type StockItem } from './stock';

const item = (menu_item_id: string, available: number): StockItem => ({
  menu_item_id,
  available,
  restaurant_id: 'r',
  name: menu_item_id,
  low_stock_threshold: 10,
});

describe('stock under lock', () => {
  it('takes all lines or none, and says what is short', () => {
    const stock = new Stock([item('a', 5), item('b', 1)]);
    expect(
      stock.take([
        { menu_item_id: 'a', quantity: 2 },
        { menu_item_id: 'b', quantity: 3 },
      ]),
    ).toEqual({
      ok: false,
      shortages: [{ menu_item_id: 'b', name: 'b', requested: 3, available: 1 }],
    });
    expect(stock.available('a')).toBe(5);
  });

  it('counts lines of the same item together', () => {
    const stock = new Stock([item('a', 5)]);
    expect(
      stock.take([
        { menu_item_id: 'a', quantity: 3 },
        { menu_item_id: 'a', quantity: 3 },
      ]),
    ).toMatchObject({
      ok: false,
      shortages: [{ requested: 6, available: 5 }],
    });
  });

  it('has nothing of an unknown item', () => {
    expect(new Stock([]).take([{ menu_item_id: 'x', quantity: 1 }])).toMatchObject({
      ok: false,
      shortages: [{ available: 0 }],
    });
  });

  it.each([
    ['x', 1, 'UNKNOWN_ITEM'],
    ['a', -6, 'BELOW_ZERO'],
    ['a', MAX_STOCK, 'ABOVE_MAXIMUM'],
  ])('refuses an impossible correction: %s %d', (id, delta, why) => {
    const stock = new Stock([item('a', 5)]);
    expect(stock.adjust(id, delta)).toBe(why);
    expect(stock.available('a')).toBe(5);
  });

  it('never goes below zero, and what is available is what there was plus all movements', () => {
    const line = fc.record({
      menu_item_id: fc.constantFrom('a', 'b', 'c'),
      quantity: fc.integer({ min: 1, max: 30 }),
    });
    const step = fc.oneof(
      fc.record({ take: fc.array(line, { minLength: 1, maxLength: 4 }) }),
      fc.record({ adjust: fc.constantFrom('a', 'b', 'c'), delta: fc.integer({ min: -40, max: 40 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const start = { a: 50, b: 20, c: 0 };
        const stock = new Stock(Object.entries(start).map(([id, available]) => item(id, available)));
        const sums: Record<string, number> = { ...start };
        for (const step of steps) {
          const result = 'take' in step ? stock.take(step.take) : stock.adjust(step.adjust, step.delta);
          const moved =
            typeof result === 'string' ? [] : 'ok' in result ? (result.ok ? result.movements : []) : [result];
          for (const { item, delta, before, after } of moved) {
            expect(after).toBe(before + delta);
            sums[item.menu_item_id] = (sums[item.menu_item_id] ?? 0) + delta;
          }
          for (const id of Object.keys(start)) {
            expect(stock.available(id)).toBe(sums[id]);
            expect(stock.available(id)).toBeGreaterThanOrEqual(0);
          }
        }
      }),
    );
  });
});
