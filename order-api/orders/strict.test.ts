import { newId } from '../../shared/ids';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([5, 100]);
const order = (quantity: number, more: object = {}) => ({
  restaurant_id: shop.restaurantId,
  items: [
    { sku: 'DISH-1', quantity },
    { sku: 'DISH-2', quantity: 1 },
  ],
  ...more,
});
const strictly = (path: string, json?: object, headers: object = {}) =>
  shop.api.call('POST', path, { json, headers: { prefer: 'handling=strict', ...headers } });

describe('Prefer: handling=strict', () => {
  it('places what there is enough of, and says that it was heeded', async () => {
    expect(await strictly('/orders', order(5))).toMatchObject({
      status: 202,
      headers: { 'preference-applied': 'handling=strict' },
    });
  });

  it('refuses at once what there is visibly too little of, and names it', async () => {
    const before = await shop.api.snapshot();
    expect(await strictly('/orders', order(6))).toMatchObject({
      status: 409,
      headers: { 'preference-applied': 'handling=strict' },
      body: {
        type: 'urn:ordermesh:problem:out-of-stock',
        detail: 'Not enough in stock: Dish 1 (6 ordered, 5 left). Nothing was placed.',
        shortages: [{ menu_item_id: shop.items[0], name: 'Dish 1', requested: 6, available: 5 }],
      },
    });
    expect(await shop.api.snapshot()).toEqual(before);
    expect((await shop.api.post('/orders', order(6))).status).toBe(202); // without it, the mesh decides
  });

  it('counts what lines of one item come to', async () => {
    const items = [
      { sku: 'DISH-1', quantity: 3, note: 'a' },
      { sku: 'DISH-1', quantity: 3, note: 'b' },
    ];
    expect((await strictly('/orders', { ...order(1), items })).body.shortages).toMatchObject([
      { requested: 6 },
    ]);
  });

  it('says nothing of a draft, but of its approval', async () => {
    const draft = await strictly('/orders', order(6, { draft: true }));
    expect(draft.status).toBe(201);
    expect(draft.headers['preference-applied']).toBeUndefined();
    const path = `/orders/${draft.body.order_id}/approve`;
    const before = await shop.api.snapshot();
    expect((await strictly(path)).status).toBe(409);
    expect(await shop.api.snapshot()).toEqual(before);
    await shop.api.database.stockLevel.update({
      where: { menuItemId: shop.items[0]! },
      data: { available: 6 },
    });
    expect(await strictly(path)).toMatchObject({
      status: 202,
      headers: { 'preference-applied': 'handling=strict' },
    });
    await shop.api.database.stockLevel.update({
      where: { menuItemId: shop.items[0]! },
      data: { available: 5 },
    });
  });

  it('judges each of those that come together by itself', async () => {
    const quantities = Array.from({ length: 40 }, (_, n) => 1 + (n % 8));
    const replies = await Promise.all(
      quantities.map((quantity, n) =>
        n % 3 ? strictly('/orders', order(quantity)) : shop.api.post('/orders', order(quantity)),
      ),
    );
    expect(replies.map(({ status }) => status)).toEqual(
      quantities.map((quantity, n) => (n % 3 && quantity > 5 ? 409 : 202)),
    );
  });

  it('gives the first answer again under its key, whatever the stock is by then', async () => {
    const headers = { 'idempotency-key': newId() };
    const first = await strictly('/orders', order(5), headers);
    await shop.api.database.stockLevel.update({
      where: { menuItemId: shop.items[0]! },
      data: { available: 0 },
    });
    expect(await strictly('/orders', order(5), headers)).toMatchObject({ status: 202, text: first.text });
    await shop.api.database.stockLevel.update({
      where: { menuItemId: shop.items[0]! },
      data: { available: 5 },
    });
  });

  it('is passed over where there is nothing to be strict about', async () => {
    const reply = await shop.api.call('POST', '/inventory/add/restaurant', {
      json: { name: 'x' },
      headers: { prefer: 'handling=strict, wait=1' },
    });
    expect([reply.status, reply.headers['preference-applied']]).toEqual([201, undefined]);
  });
});
