import { gzipSync } from 'node:zlib';
import { newId } from '../../shared/ids';
import { seedMenu } from '../../shared/testing/seed';
import { startTestApi, type Sent, type TestApi } from '../testing/test-api';

/** A request: `$names` in its path and body stand for what beforeAll has made. */
interface Case {
  name: string;
  method?: string;
  path?: string;
  send?: Sent;
  status: number;
  /** Where what is wrong is said to be; `path:` and `query:` in front for parameters. */
  at?: string[];
  /** Part of some detail. */
  says?: string;
  headers?: Record<string, string>;
}

let api: TestApi;
let names: Record<string, string>;

beforeAll(async () => {
  api = await startTestApi();
  const menu = await seedMenu(api.database, [50, 50, 50]);
  const other = await seedMenu(api.database, [50]);
  const [item, item2, offSale] = menu.items as [string, string, string];
  await api.database.menuItem.update({ where: { id: offSale }, data: { onSale: false, sku: 'OFF' } });
  const order = await api.post('/orders', {
    restaurant_id: menu.restaurantId,
    items: [{ menu_item_id: item, quantity: 1 }],
  });
  const draft = await api.post('/orders', {
    restaurant_id: menu.restaurantId,
    items: [{ menu_item_id: item, quantity: 1 }],
    draft: true,
  });
  names = {
    $restaurant: menu.restaurantId,
    $item2: item2,
    $item: item,
    $off_sale: offSale,
    $foreign: other.items[0] ?? '',
    $unknown: newId(),
    $order: order.body.order_id,
    $draft: draft.body.order_id,
  };
});
afterAll(() => api.stop());

const fill = (text: string) =>
  Object.entries(names).reduce((filled, [name, value]) => filled.replaceAll(name, value), text);
const filled = ({ json, raw, headers }: Sent): Sent => ({
  headers,
  ...(json === undefined
    ? { raw: typeof raw === 'string' ? fill(raw) : raw }
    : { json: JSON.parse(fill(JSON.stringify(json))) as unknown }),
});

interface Listed {
  pointer: string;
  detail: string;
  in?: string;
}

async function check({
  name: _,
  method = 'POST',
  path = '/orders',
  send = {},
  status,
  at,
  says,
  headers,
}: Case): Promise<void> {
  const before = await api.snapshot();
  const reply = await api.call(method, fill(path), filled(send));
  const listed = ((reply.body.errors ?? []) as Listed[]).map(
    (error) => (error.in ? `${error.in}:` : '') + error.pointer,
  );
  expect({ status: reply.status, at: listed.sort() }).toEqual({ status, at: [...(at ?? [])].sort() });
  if (says) expect(reply.text).toContain(says);
  expect(reply.text).not.toContain('tok_secret');
  expect(reply.headers).toMatchObject(headers ?? {});
  expect(await api.snapshot()).toEqual(before);
}

const line = { menu_item_id: '$item', quantity: 1 };
const order = { restaurant_id: '$restaurant', items: [line] };
/** JSON that no JavaScript value is written as. */
const json = (raw: string | Buffer, more: Record<string, string> = {}): Sent => ({
  raw,
  headers: { 'content-type': 'application/json', ...more },
});
const orderWith = (members: string) =>
  json(`{"restaurant_id":"$restaurant","items":[{"menu_item_id":"$item","quantity":1}],${members}}`);

/** Payments that no order is placed with, and no draft approved. */
const badPayments: [payment: unknown, at: string[], says: string][] = [
  [null, ['#/payment'], 'must be an object'],
  ['CARD', ['#/payment'], 'must be an object'],
  [[], ['#/payment'], 'must be an object'],
  [{}, ['#/payment/method'], 'is required and must be CASH or CARD'],
  [{ token: 'tok_secret' }, ['#/payment/method'], 'is required and must be CASH or CARD'],
  [{ method: 'card', token: 'tok_secret' }, ['#/payment/method'], 'must be CASH or CARD'],
  [{ method: 'UPI' }, ['#/payment/method'], 'must be CASH or CARD'],
  [{ method: null }, ['#/payment/method'], 'must be CASH or CARD'],
  [{ method: ['CARD'], token: 'tok_secret' }, ['#/payment/method'], 'must be CASH or CARD'],
  [{ method: 'CARD' }, ['#/payment/token'], 'is required where the method is CARD'],
  [{ method: 'CARD', token: '' }, ['#/payment/token'], 'must not be empty'],
  [{ method: 'CARD', token: ' \t' }, ['#/payment/token'], 'must not be blank'],
  [{ method: 'CARD', token: null }, ['#/payment/token'], 'must be a string'],
  [{ method: 'CARD', token: { secret: 'tok_secret' } }, ['#/payment/token'], 'must be a string'],
  [{ method: 'CARD', token: 'tok_secret'.repeat(26) }, ['#/payment/token'], '255 characters at most'],
  [{ method: 'CARD', token: 'tok_secret\0' }, ['#/payment/token'], 'control characters'],
  [{ method: 'CASH', token: 'tok_secret' }, ['#/payment/token'], 'is for CARD only'],
  [
    { method: 'CASH', token: 'tok_secret', cvc: 'tok_secret' },
    ['#/payment/token', '#/payment/cvc'],
    'not a known field',
  ],
  [{ method: 'CARD', token: 'tok_secret', number: 4242 }, ['#/payment/number'], 'not a known field'],
];

describe('the body of an order', () => {
  const quantity = (value: string): Sent =>
    json(`{"restaurant_id":"$restaurant","items":[{"menu_item_id":"$item","quantity":${value}}]}`);
  const badQuantity = (value: string, says: string): Case => ({
    name: `quantity ${value}`,
    send: quantity(value),
    status: 422,
    at: ['#/items/0/quantity'],
    says,
  });
  const lines = (...items: unknown[]): Sent => ({ json: { ...order, items } });

  test.each<Case>([
    badQuantity('0', 'must be from 1 to'),
    badQuantity('-0', 'must be from 1 to'),
    badQuantity('-1', 'must be from 1 to'),
    badQuantity('1.5', 'must be a whole number'),
    badQuantity('"2"', 'must be a number'),
    badQuantity('1000000000', 'must be from 1 to 100000'),
    badQuantity('100001', 'must be from 1 to 100000'),
    badQuantity('9007199254740993', 'must be from 1 to'),
    badQuantity('1e400', 'must be a number'),
    badQuantity('null', 'must be a number'),
    badQuantity('true', 'must be a number'),
    badQuantity('[1]', 'must be a number'),
    badQuantity('{"$gt":0}', 'must be a number'),
    {
      name: 'no quantity',
      send: lines({ menu_item_id: '$item' }),
      status: 422,
      at: ['#/items/0/quantity'],
      says: 'is required',
    },
    {
      name: 'unknown restaurant',
      send: { json: { ...order, restaurant_id: '$unknown' } },
      status: 422,
      at: ['#/restaurant_id'],
    },
    {
      name: 'restaurant id no UUID',
      send: { json: { ...order, restaurant_id: '1' } },
      status: 422,
      at: ['#/restaurant_id'],
      says: 'must be a UUID',
    },
    {
      name: 'restaurant id a number',
      send: { json: { ...order, restaurant_id: 1 } },
      status: 422,
      at: ['#/restaurant_id'],
    },
    {
      name: 'no restaurant',
      send: { json: { items: [line] } },
      status: 422,
      at: ['#/restaurant_id'],
      says: 'is required and must be a UUID',
    },
    {
      name: 'unknown item',
      send: lines({ ...line, menu_item_id: '$unknown' }),
      status: 422,
      at: ['#/items/0/menu_item_id'],
    },
    {
      name: 'unknown sku',
      send: lines(line, { sku: 'NOPE', quantity: 1 }),
      status: 422,
      at: ['#/items/1/sku'],
    },
    {
      name: 'item of another restaurant',
      send: lines({ ...line, menu_item_id: '$foreign' }),
      status: 422,
      at: ['#/items/0/menu_item_id'],
    },
    {
      name: 'item off sale',
      send: lines({ ...line, menu_item_id: '$off_sale' }),
      status: 422,
      at: ['#/items/0/menu_item_id'],
      says: 'not on sale',
    },
    {
      name: 'sku off sale',
      send: lines({ sku: 'OFF', quantity: 1 }),
      status: 422,
      at: ['#/items/0/sku'],
      says: 'not on sale',
    },
    {
      name: 'item id no UUID',
      send: lines({ ...line, menu_item_id: "1' OR '1'='1" }),
      status: 422,
      at: ['#/items/0/menu_item_id'],
    },
    {
      name: 'several items that are not to be had, among good ones',
      send: lines(
        line,
        { ...line, menu_item_id: '$foreign' },
        { sku: 'DISH-2', quantity: 2 },
        { sku: 'X', quantity: 2 },
      ),
      status: 422,
      at: ['#/items/1/menu_item_id', '#/items/3/sku'],
    },
    {
      name: 'item and sku both',
      send: lines({ ...line, sku: 'DISH-1' }),
      status: 422,
      at: ['#/items/0'],
      says: 'one of the two',
    },
    {
      name: 'neither item nor sku',
      send: lines({ quantity: 1 }),
      status: 422,
      at: ['#/items/0'],
      says: 'one of the two',
    },
    ...['1', 1.5, 0].map((quantity): Case => ({
      name: `neither, and the quantity ${JSON.stringify(quantity)}`,
      send: lines({ quantity }),
      status: 422,
      at: ['#/items/0', '#/items/0/quantity'],
    })),
    { name: 'sku null', send: lines({ sku: null, quantity: 1 }), status: 422, at: ['#/items/0/sku'] },
    {
      name: 'sku empty',
      send: lines({ sku: '', quantity: 1 }),
      status: 422,
      at: ['#/items/0/sku'],
      says: 'must not be empty',
    },
    { name: 'no lines', send: lines(), status: 422, at: ['#/items'], says: 'at least one line' },
    {
      name: 'no items',
      send: { json: { restaurant_id: '$restaurant' } },
      status: 422,
      at: ['#/items'],
      says: 'is required',
    },
    {
      name: 'items an object',
      send: { json: { ...order, items: { 0: line } } },
      status: 422,
      at: ['#/items'],
    },
    { name: 'items null', send: { json: { ...order, items: null } }, status: 422, at: ['#/items'] },
    {
      name: 'lines that are none',
      send: lines(line, [], null, 'x', 7),
      status: 422,
      at: ['#/items/1', '#/items/2', '#/items/3', '#/items/4'],
    },
    {
      name: '101 lines',
      send: lines(...Array<unknown>(101).fill(line)),
      status: 422,
      at: ['#/items'],
      says: '100 lines at most',
    },
    {
      name: '1,000 lines',
      send: lines(...Array<unknown>(1000).fill(line)),
      status: 422,
      at: ['#/items'],
      says: '100 lines at most',
    },
    {
      name: '100 bad lines',
      send: lines(...Array<unknown>(100).fill({ ...line, quantity: 0 })),
      status: 422,
      at: Array.from({ length: 100 }, (_, i) => `#/items/${i}/quantity`),
    },
    {
      name: 'unknown field',
      send: { json: { ...order, total_amount: 1 } },
      status: 422,
      at: ['#/total_amount'],
      says: 'not a known field',
    },
    {
      name: 'unknown field in a line',
      send: lines({ ...line, price: '1.00' }),
      status: 422,
      at: ['#/items/0/price'],
      says: 'not a known field',
    },
    {
      name: 'unknown field whose name needs escaping',
      send: { json: { ...order, 'a/b~c d"é': 1 } },
      status: 422,
      at: ['#/a~1b~0c%20d%22%C3%A9'],
    },
    {
      name: 'unknown field whose name is half a surrogate pair',
      send: orderWith('"\\ud800":1'),
      status: 422,
      at: ['#/%EF%BF%BD'],
    },
    {
      name: 'unknown field with an empty name',
      send: { json: { ...order, '': 1 } },
      status: 422,
      at: ['#/'],
    },
    {
      name: '__proto__',
      send: orderWith('"__proto__":{"email":"a@b.example"}'),
      status: 422,
      at: ['#/__proto__'],
    },
    {
      name: '__proto__ in a line',
      send: json(
        '{"restaurant_id":"$restaurant","items":[{"menu_item_id":"$item","quantity":1,"__proto__":{}}]}',
      ),
      status: 422,
      at: ['#/items/0/__proto__'],
    },
    {
      name: '__proto__ among the parts of an address',
      send: orderWith('"delivery_address":{"street":"12 MG Road","__proto__":"x"}'),
      status: 422,
      at: ['#/delivery_address/__proto__'],
    },
    {
      name: 'a name twice',
      send: orderWith('"draft":true,"email":"a@b.example","draft":false'),
      status: 400,
      at: ['#/draft'],
      says: 'urn:ordermesh:problem:invalid-json',
    },
    {
      name: 'a name twice in a line, once in another spelling',
      send: json(
        '{"restaurant_id":"$restaurant","items":[{"menu_item_id":"$item","quantity":1,"\\u0071uantity":100}]}',
      ),
      status: 400,
      at: ['#/items/0/quantity'],
      says: 'is there more than once',
    },
    {
      name: '10,000 levels',
      send: orderWith(`"note":${'['.repeat(10_000)}${']'.repeat(10_000)}`),
      status: 400,
      at: ['#'],
      says: 'more than 64 levels deep',
    },
    {
      name: 'constructor',
      send: orderWith('"constructor":{"prototype":{}}'),
      status: 422,
      at: ['#/constructor'],
    },
    ...badPayments.map(([payment, at, says]): Case => ({
      name: `payment ${JSON.stringify(payment).slice(0, 60)}`,
      send: { json: { ...order, payment } },
      status: 422,
      at,
      says,
    })),
    ...['"yes"', '1', 'null', '[]'].map((draft): Case => ({
      name: `draft ${draft}`,
      send: orderWith(`"draft":${draft}`),
      status: 422,
      at: ['#/draft'],
      says: 'must be true or false',
    })),
    {
      name: 'a draft that is paid by card',
      send: { json: { ...order, draft: true, payment: { method: 'CARD', token: 'tok_secret' } } },
      status: 422,
      at: ['#/payment'],
      says: 'a draft keeps no payment; send it with POST ',
    },
    {
      name: 'a draft of an unknown item',
      send: { json: { ...order, draft: true, items: [{ ...line, menu_item_id: '$unknown' }] } },
      status: 422,
      at: ['#/items/0/menu_item_id'],
    },
    {
      name: 'a draft at an unknown restaurant',
      send: { json: { ...order, draft: true, restaurant_id: '$unknown' } },
      status: 422,
      at: ['#/restaurant_id'],
    },
    {
      name: 'a draft of what is off sale',
      send: { json: { ...order, draft: true, items: [{ sku: 'OFF', quantity: 1 }] } },
      status: 422,
      at: ['#/items/0/sku'],
    },
    {
      name: 'card, draft, lines and a field that nobody knows, all bad',
      send: {
        json: { restaurant_id: 'x', items: [], draft: true, payment: { method: 'CARD', iban: 1 }, no: 1 },
      },
      status: 422,
      at: ['#/restaurant_id', '#/items', '#/payment', '#/payment/token', '#/payment/iban', '#/no'],
    },
    {
      name: 'customer id empty',
      send: { json: { ...order, customer_id: '' } },
      status: 422,
      at: ['#/customer_id'],
      says: 'must not be empty',
    },
    {
      name: 'customer id blank',
      send: { json: { ...order, customer_id: ' \t' } },
      status: 422,
      at: ['#/customer_id'],
      says: 'must not be blank',
    },
    {
      name: 'customer id of 65 characters',
      send: { json: { ...order, customer_id: 'c'.repeat(65) } },
      status: 422,
      at: ['#/customer_id'],
      says: '64 characters',
    },
    {
      name: 'customer id a number',
      send: { json: { ...order, customer_id: 12 } },
      status: 422,
      at: ['#/customer_id'],
      says: 'must be a string',
    },
    {
      name: 'customer id null',
      send: { json: { ...order, customer_id: null } },
      status: 422,
      at: ['#/customer_id'],
    },
    {
      name: 'NUL',
      send: orderWith('"customer_id":"a\\u0000b"'),
      status: 422,
      at: ['#/customer_id'],
      says: 'control characters',
    },
    {
      name: 'half a surrogate pair',
      send: orderWith('"customer_id":"a\\udc00"'),
      status: 422,
      at: ['#/customer_id'],
      says: 'broken Unicode',
    },
    {
      name: 'e-mail that is none',
      send: { json: { ...order, email: 'nobody' } },
      status: 422,
      at: ['#/email'],
      says: 'must be an e-mail address',
    },
    {
      name: 'e-mail too long',
      send: { json: { ...order, email: `${'a'.repeat(250)}@b.example` } },
      status: 422,
      at: ['#/email'],
      says: '254',
    },
    {
      name: 'e-mail very long',
      send: { json: { ...order, email: 'a.'.repeat(100_000) } },
      status: 422,
      at: ['#/email'],
    },
    {
      name: 'address a number',
      send: { json: { ...order, delivery_address: 5 } },
      status: 422,
      at: ['#/delivery_address'],
    },
    {
      name: 'address a list',
      send: { json: { ...order, delivery_address: ['x'] } },
      status: 422,
      at: ['#/delivery_address'],
    },
    {
      name: 'address empty',
      send: { json: { ...order, delivery_address: '' } },
      status: 422,
      at: ['#/delivery_address'],
    },
    {
      name: 'address without parts',
      send: { json: { ...order, delivery_address: {} } },
      status: 422,
      at: ['#/delivery_address'],
    },
    {
      name: 'address of 21 parts',
      send: {
        json: {
          ...order,
          delivery_address: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`p${i}`, 'x'])),
        },
      },
      status: 422,
      at: ['#/delivery_address'],
    },
    {
      name: 'parts of an address',
      send: { json: { ...order, delivery_address: { street: 5, city: '', zip: { a: 1 }, ok: 'x' } } },
      status: 422,
      at: ['#/delivery_address/street', '#/delivery_address/city', '#/delivery_address/zip'],
    },
    {
      name: 'NUL in a part of an address',
      send: orderWith('"delivery_address":{"street":"\\u0000"}'),
      status: 422,
      at: ['#/delivery_address/street'],
    },
    {
      name: 'NUL in the name of a part',
      send: orderWith('"delivery_address":{"\\u0000":"x"}'),
      status: 422,
      at: ['#/delivery_address/%00'],
      says: 'its name must not',
    },
    {
      name: 'half a pair in the name of a part',
      send: orderWith('"delivery_address":{"\\ud800":"x"}'),
      status: 422,
      at: ['#/delivery_address/%EF%BF%BD'],
    },
    {
      name: 'everything at once',
      send: json(
        '{"restaurant_id":"x","customer_id":"","email":"x","delivery_address":{"a":1},"draft":1,"payment":{"method":"CHEQUE","token":""},"no":1,"items":[{"sku":"\\u0000","quantity":0,"x":1},{"quantity":"1"}]}',
      ),
      status: 422,
      at: [
        '#/restaurant_id',
        '#/customer_id',
        '#/email',
        '#/delivery_address/a',
        '#/draft',
        '#/payment/method',
        '#/payment/token',
        '#/no',
        '#/items/0/sku',
        '#/items/0/quantity',
        '#/items/0/x',
        '#/items/1',
        '#/items/1/quantity',
      ],
    },
    { name: 'no body', status: 422, at: ['#/restaurant_id', '#/items'] },
    { name: 'an empty body', send: json(''), status: 422, at: ['#/restaurant_id', '#/items'] },
    ...['[]', 'null', '"x"', '7', 'true'].map((raw): Case => ({
      name: `the body ${raw}`,
      send: json(raw),
      status: 422,
      at: ['#'],
      says: 'must be an object',
    })),
  ])('$name', check);

  it('is not answered with megabytes of errors', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`k${index}`, 1]));
    const reply = await api.post('/orders', { ...unknown });
    expect(reply).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining('the first 1000 are listed') },
    });
    expect(reply.body.errors).toHaveLength(1000);
  });
});

describe('the transport of a body', () => {
  const sent = (type: string | undefined): Sent => ({
    raw: '{"restaurant_id":"$restaurant","items":[{"menu_item_id":"$item","quantity":1}]}',
    headers: type === undefined ? {} : { 'content-type': type },
  });
  const notJson = (raw: string): Case => ({
    name: `broken JSON: ${raw}`,
    send: json(raw),
    status: 400,
    at: ['#'],
    says: 'not valid JSON',
  });
  const bytes = Buffer.from('{"customer_id":"caf?"}'.replace('?', '\u00e9'), 'latin1');

  test.each<Case>([
    {
      name: 'a name twice',
      send: json(
        '{"restaurant_id":"$restaurant","items":[{"menu_item_id":"$item","quantity":1,"quantity":2}]}',
      ),
      status: 400,
      at: ['#/items/0/quantity'],
      says: 'more than once',
    },
    ...[
      '{',
      '{"a":1,}',
      "{'a':1}",
      '{"quantity":NaN}',
      '{"a":0x10}',
      '{} {}',
      'undefined',
      '['.repeat(100_000),
      '{"a":"\n"}',
    ].map((raw) => ({
      ...notJson(raw),
      name: `broken JSON: ${raw.slice(0, 20)}`,
    })),
    ...[
      '{"token":"tok_secret"x',
      '{"token":"tok_secret"}}',
      '{"token":"tok_secret',
      '"tok_secret"tok_secret',
      'tok_secret',
      '{"payment":{"method":"CARD","token":"tok_secret",}}',
      '{"payment":{"method":"CARD","token":"tok_secret\n"}}',
      '{"payment":{"method":"CARD","token":"tok_secret\\q"}}',
      '{"payment":{"method":"CARD","token":tok_secret}}',
      "{'token':'tok_secret'}",
    ].map((raw) => ({ ...notJson(raw), name: `broken JSON with a card token in it: ${raw}` })),
    { name: 'invalid UTF-8', send: json(bytes), status: 400, says: 'not valid UTF-8' },
    {
      name: '10 MB',
      send: json(`{"customer_id":"${'x'.repeat(10 * 1024 * 1024)}"}`),
      status: 413,
      at: ['#'],
    },
    {
      name: '10 MB, chunked',
      send: json(Buffer.alloc(10 * 1024 * 1024, '['), { 'transfer-encoding': 'chunked' }),
      status: 413,
      at: ['#'],
    },
    {
      name: '10 MB of another type',
      send: { raw: Buffer.alloc(10 * 1024 * 1024), headers: { 'content-type': 'text/plain' } },
      status: 413,
      at: ['#'],
    },
    {
      name: '10 MB behind gzip',
      send: json(gzipSync(Buffer.alloc(10 * 1024 * 1024, '[')), { 'content-encoding': 'gzip' }),
      status: 413,
      at: ['#'],
    },
    { name: 'gzip that is none', send: json('{"a":1}', { 'content-encoding': 'gzip' }), status: 400 },
    {
      name: 'gzip cut short',
      send: json(gzipSync('{"a":1}').subarray(0, 12), { 'content-encoding': 'gzip' }),
      status: 400,
    },
    ...['rot13', 'constructor', '__proto__', 'toString', 'gzip, gzip'].map((encoding): Case => ({
      name: `content encoding ${encoding}`,
      send: json('{}', { 'content-encoding': encoding }),
      status: 415,
    })),
    {
      name: 'no content type',
      send: sent(undefined),
      status: 415,
      says: 'its content type is missing',
      headers: { accept: 'application/json' },
    },
    ...[
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
      'text/json',
      'nonsense',
      'application/json; charset=latin1',
      'application/json; charset=utf-16',
      'application/json; charset=utf-7',
    ].map((type): Case => ({ name: `content type ${type}`, send: sent(type), status: 415 })),
  ])('$name', check);

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset=UTF-8',
    'application/json; charset="utf-8"',
  ])('takes %s', async (type) => {
    expect(await api.call('POST', '/orders', filled(sent(type)))).toMatchObject({ status: 202 });
  });

  it('takes an empty chunked body without a type for none, and refuses one with something in it', async () => {
    const chunked = { 'transfer-encoding': 'chunked' };
    expect(
      await api.call('POST', fill('/orders/$order/cancel'), { raw: '', headers: chunked }),
    ).toMatchObject({
      status: 200,
    });
    expect(await api.call('POST', '/orders', { raw: '{}', headers: chunked })).toMatchObject({ status: 415 });
  });

  it('takes a gzipped body, and one with a byte order mark', async () => {
    const raw = fill(String(sent('').raw));
    expect(
      await api.call('POST', '/orders', json(gzipSync(raw), { 'content-encoding': 'gzip' })),
    ).toMatchObject({ status: 202 });
    expect(await api.call('POST', '/orders', json(`\ufeff${raw}`))).toMatchObject({ status: 202 });
  });
});

describe('restaurants and items', () => {
  const restaurant = (members: object, status: number, at: string[]): Case => ({
    name: `restaurant ${JSON.stringify(members).slice(0, 60)}`,
    path: '/inventory/add/restaurant',
    send: { json: members },
    status,
    at,
  });
  const item = { name: 'Dal', price: '120.00', available_qty: 5 };
  const add = (members: object, at: string[], status = 422): Case => ({
    name: `item ${JSON.stringify(members).slice(0, 60)}`,
    path: '/inventory/add/$restaurant/item',
    send: { json: { ...item, ...members } },
    status,
    at,
  });
  const price = (raw: string, says: string): Case => ({
    name: `price ${raw}`,
    method: 'PATCH',
    path: '/inventory/$item',
    send: json(`{"price":${raw}}`),
    status: 422,
    at: ['#/price'],
    says,
  });
  const change = (members: object, at: string[]): Case => ({
    name: `change ${JSON.stringify(members)}`,
    method: 'PATCH',
    path: '/inventory/$item',
    send: { json: members },
    status: 422,
    at,
  });
  const adjust = (raw: string, at: string[]): Case => ({
    name: `adjustment ${raw.slice(0, 60)}`,
    path: '/inventory/$item/adjustments',
    send: json(raw),
    status: 422,
    at,
  });

  test.each<Case>([
    restaurant({}, 422, ['#/name']),
    restaurant({ name: '' }, 422, ['#/name']),
    restaurant({ name: 'x'.repeat(201) }, 422, ['#/name']),
    restaurant(
      { name: 'x', currency: 'XYZ', locale: 'not a locale', time_zone: 'Mars/Olympus', email: 'x', no: 1 },
      422,
      ['#/currency', '#/locale', '#/time_zone', '#/email', '#/no'],
    ),
    restaurant({ name: 'x', currency: 'inr' }, 422, ['#/currency']),
    restaurant({ name: 'x', currency: 'KWD' }, 422, ['#/currency']), // three decimals
    restaurant({ name: 'x', currency: '', locale: '', time_zone: '', email: '' }, 422, [
      '#/currency',
      '#/locale',
      '#/time_zone',
      '#/email',
    ]),
    restaurant({ name: 1, currency: 1, locale: ['en'], time_zone: {}, email: null }, 422, [
      '#/name',
      '#/currency',
      '#/locale',
      '#/time_zone',
      '#/email',
    ]),
    restaurant({ name: 'x', locale: 'en-'.repeat(80_000), time_zone: 'A'.repeat(1000) }, 422, [
      '#/locale',
      '#/time_zone',
    ]),
    restaurant({ name: 'x', locale: 'en\0', time_zone: 'UTC\0' }, 422, ['#/locale', '#/time_zone']),
    add({ name: undefined, price: undefined, available_qty: undefined }, [
      '#/name',
      '#/price',
      '#/available_qty',
    ]),
    add({ available_qty: -1 }, ['#/available_qty']),
    add({ available_qty: 1.5, low_stock_threshold: -1 }, ['#/available_qty', '#/low_stock_threshold']),
    add({ available_qty: 1e9 + 1, low_stock_threshold: 1e10 }, ['#/available_qty', '#/low_stock_threshold']),
    add({ available_qty: '5', low_stock_threshold: null }, ['#/available_qty', '#/low_stock_threshold']),
    add({ sku: '', category: '', unit: '' }, ['#/sku', '#/category', '#/unit']),
    add({ sku: 's'.repeat(65), category: 'c'.repeat(101), unit: 'u'.repeat(51) }, [
      '#/sku',
      '#/category',
      '#/unit',
    ]),
    add({ sku: null }, ['#/sku']),
    add({ name: 'a\0b' }, ['#/name']),
    add({ on_sale: true, id: 'x' }, ['#/on_sale', '#/id']),
    add({ sku: 'DISH-1' }, ['#/sku'], 409),
    {
      name: 'item for an unknown restaurant',
      path: '/inventory/add/$unknown/item',
      send: { json: item },
      status: 404,
    },
    {
      name: 'item for a restaurant that is no UUID',
      path: '/inventory/add/7/item',
      send: { json: item },
      status: 400,
      at: ['path:#/restaurant_id'],
    },
    ...[
      '-1',
      '-0.01',
      '1.234',
      '0.001',
      '1e-7',
      '1000000.01',
      '1e21',
      '100000000',
      '"abc"',
      '"NaN"',
      '"Infinity"',
      '""',
      '" 1"',
      '"1 "',
      '"-1"',
      '"+1"',
      '"1e3"',
      '"0x10"',
      '"1,50"',
      '"1."',
      '".5"',
      '"1.234"',
      '"1000000.01"',
      '"\\u0661"',
      '0.30000000000000004',
    ].map((raw) => price(raw, 'must be a decimal from 0 to 1000000 with two places at most')),
    ...['1e400', 'null', 'true', '{}', '["1.00"]'].map((raw) => price(raw, 'must be a number or a string')),
    change({}, ['#']),
    change({ available_qty: 5 }, ['#', '#/available_qty']), // nothing that can be changed, and something that cannot
    change({ on_sale: 'yes', name: '', low_stock_threshold: 1.5, available_qty: 5 }, [
      '#/on_sale',
      '#/name',
      '#/low_stock_threshold',
      '#/available_qty',
    ]),
    change({ on_sale: null }, ['#/on_sale']),
    change([], ['#']),
    { name: 'change without a body', method: 'PATCH', path: '/inventory/$item', status: 422, at: ['#'] },
    {
      name: 'change of an unknown item',
      method: 'PATCH',
      path: '/inventory/$unknown',
      send: { json: { price: 1 } },
      status: 404,
    },
    adjust('{}', ['#/delta', '#/reason']),
    adjust('{"delta":0,"reason":"x"}', ['#/delta']),
    adjust('{"delta":-0,"reason":"x"}', ['#/delta']),
    adjust('{"delta":0.5,"reason":" "}', ['#/delta', '#/reason']),
    adjust('{"delta":1000000001,"reason":""}', ['#/delta', '#/reason']),
    adjust('{"delta":"5","reason":5,"by":"me"}', ['#/delta', '#/reason', '#/by']),
    adjust(`{"delta":-1e400,"reason":"${'x'.repeat(201)}"}`, ['#/delta', '#/reason']),
    {
      name: 'adjustment of an unknown item',
      path: '/inventory/$unknown/adjustments',
      send: { json: { delta: 1, reason: 'x' } },
      status: 404,
    },
    {
      name: 'an unknown adjustment',
      method: 'GET',
      path: '/inventory/$item/adjustments/$unknown',
      status: 404,
    },
    { name: 'an unknown item', method: 'GET', path: '/inventory/$unknown', status: 404 },
    {
      name: 'the menu of an unknown restaurant',
      method: 'GET',
      path: '/restaurants/$unknown/menu',
      status: 404,
    },
  ])('$name', check);
});

describe('orders that exist', () => {
  const status = (json: unknown, at: string[]): Case => ({
    name: `status ${JSON.stringify(json)}`,
    method: 'PATCH',
    path: '/orders/$order/status',
    send: { json },
    status: 422,
    at,
  });
  const cancel = (json: unknown, at: string[]): Case => ({
    name: `cancel ${JSON.stringify(json)?.slice(0, 60)}`,
    path: '/orders/$order/cancel',
    send: { json },
    status: 422,
    at,
  });

  test.each<Case>([
    status({}, ['#/status']),
    status({ status: 'SHIPPED' }, ['#/status']),
    status({ status: 'delivered' }, ['#/status']),
    status({ status: null }, ['#/status']),
    status({ status: ['CANCELLED'] }, ['#/status']),
    status({ status: 'CANCELLED', reason: 'OUT_OF_STOCK' }, ['#/reason']),
    cancel({ by: 'MESH' }, ['#/by']),
    cancel({ by: null, note: 5, reason: 'x' }, ['#/by', '#/note', '#/reason']),
    cancel({ note: 'x'.repeat(501) }, ['#/note']),
    cancel({ note: '\0' }, ['#/note']),
    cancel([], ['#']),
    cancel(null, ['#']),
    {
      name: 'cancel in plain text',
      path: '/orders/$order/cancel',
      send: { raw: 'please', headers: { 'content-type': 'text/plain' } },
      status: 415,
    },
    {
      name: 'cancel with broken JSON',
      path: '/orders/$order/cancel',
      send: json('{'),
      status: 400,
      at: ['#'],
    },
    { name: 'cancel of an unknown order', path: '/orders/$unknown/cancel', status: 404 },
    {
      name: 'status of an unknown order',
      method: 'PATCH',
      path: '/orders/$unknown/status',
      send: { json: { status: 'CANCELLED' } },
      status: 404,
    },
    {
      name: 'an unknown order',
      method: 'GET',
      path: '/orders/$unknown',
      status: 404,
      says: 'There is no order',
    },
  ])('$name', check);
});

describe('drafts', () => {
  const change = (json: unknown, at: string[], says?: string): Case => ({
    name: `lines ${JSON.stringify(json).slice(0, 60)}`,
    method: 'PUT',
    path: '/orders/$draft/items',
    send: { json },
    status: 422,
    at,
    says,
  });
  const approve = (json: unknown, at: string[], says?: string, order = '$draft'): Case => ({
    name: `approve ${order} ${JSON.stringify(json).slice(0, 60)}`,
    path: `/orders/${order}/approve`,
    send: { json },
    status: 422,
    at,
    says,
  });

  test.each<Case>([
    change({}, ['#/items'], 'is required'),
    change({ items: [] }, ['#/items'], 'at least one line'),
    change({ items: Array<unknown>(101).fill(line) }, ['#/items'], '100 lines at most'),
    change({ items: [{ ...line, quantity: 0 }, { quantity: 1 }] }, ['#/items/0/quantity', '#/items/1']),
    change({ items: [line], restaurant_id: '$restaurant' }, ['#/restaurant_id'], 'not a known field'),
    change({ items: [{ ...line, price: '1.00' }] }, ['#/items/0/price']),
    change({ items: [line, { ...line, menu_item_id: '$foreign' }] }, ['#/items/1/menu_item_id']),
    change({ items: [{ sku: 'OFF', quantity: 1 }] }, ['#/items/0/sku'], 'not on sale'),
    change([line], ['#'], 'must be an object'),
    {
      ...change({ items: [line] }, []),
      path: '/orders/$unknown/items',
      status: 404,
      says: 'There is no order',
    },
    {
      ...change({ items: [] }, ['#/items']),
      name: 'an unknown order, bad lines',
      path: '/orders/$unknown/items',
    },
    { ...change({ items: [line] }, ['path:#/id']), name: 'no UUID', path: '/orders/7/items', status: 400 },
    {
      name: 'lines without a body',
      method: 'PUT',
      path: '/orders/$draft/items',
      status: 422,
      at: ['#/items'],
    },
    ...badPayments.map(([payment, at, says]) => approve({ payment }, at, says)),
    approve({ payment: { method: 'CARD' } }, ['#/payment/token'], undefined, '$order'),
    approve({ method: 'CASH' }, ['#/method'], 'not a known field'),
    approve({ items: [line], payment: {} }, ['#/items', '#/payment/method']),
    approve([], ['#']),
    approve(null, ['#']),
    { name: 'approval of an unknown order', path: '/orders/$unknown/approve', status: 404 },
    { name: 'approval of no UUID', path: '/orders/x/approve', status: 400, at: ['path:#/id'] },
    {
      name: 'approval of an order that never was a draft',
      path: '/orders/$order/approve',
      status: 409,
      says: 'not-a-draft',
    },
    {
      name: 'approval in plain text',
      path: '/orders/$draft/approve',
      send: { raw: 'yes', headers: { 'content-type': 'text/plain' } },
      status: 415,
    },
  ])('$name', check);
});

describe('addresses', () => {
  const badId = (id: string): Case => ({
    name: `id ${id.slice(0, 30)}`,
    method: 'GET',
    path: `/orders/${id}`,
    status: 400,
    at: ['path:#/id'],
    says: 'must be a UUID',
  });
  const query = (path: string, at: string[]): Case => ({
    name: path.slice(0, 60),
    method: 'GET',
    path,
    status: 400,
    at: at.map((name) => `query:#/${name}`),
  });
  const wrongMethod = (method: string, path: string, allow: string): Case => ({
    name: `${method} ${path}`,
    method,
    path,
    status: 405,
    headers: { allow },
  });

  test.each<Case>([
    ...[
      '1',
      '%00',
      '%20',
      'x'.repeat(10_000),
      "1'%20OR%20'1'='1",
      '$order0',
      '%F0%9F%8D%9B',
      '%7B%7D',
      '..%2F..%2Fetc',
      '__proto__',
    ].map(badId),
    ...['%', '%ZZ', '%C3%28', '%FF'].map((id): Case => ({
      name: `malformed ${id}`,
      method: 'GET',
      path: `/orders/${id}`,
      status: 400,
    })),
    {
      name: 'two bad ids',
      method: 'GET',
      path: '/inventory/a/adjustments/b',
      status: 400,
      at: ['path:#/menu_item_id', 'path:#/adjustment_id'],
    },
    query('/orders?limit=0', ['limit']),
    ...['201', '-1', '1.5', 'ten', '1e2', '', '%2050', '99999999999999999999'].map((limit) =>
      query(`/orders?limit=${limit}`, ['limit']),
    ),
    query('/orders?limit=1&limit=2', ['limit']),
    ...['', 'x', 'null', 'A'.repeat(21), 'A'.repeat(23), '%00', '018f', 'A'.repeat(5000)].map((cursor) =>
      query(`/orders?cursor=${cursor}`, ['cursor']),
    ),
    query('/orders?status=&restaurant_id=x&customer_id=&limit=x&cursor=x', [
      'status',
      'restaurant_id',
      'customer_id',
      'limit',
      'cursor',
    ]),
    query('/orders?customer_id=a&customer_id=b', ['customer_id']),
    query('/orders?status=PLACED,placed', ['status']),
    query('/orders?status=PLACED&status=', ['status']),
    ...[
      '2026-13-01T00:00:00Z',
      '0000-01-01T00:00:00Z',
      '0001-01-01T00:00:00%2B23:59',
      '9999-12-31T23:59:59-23:59',
      'yesterday',
      '',
      '2026-11-21',
      '2026-11-21T08:30:00',
    ].map((time) =>
      query(`/orders?created_after=${time}&created_before=${time}&updated_after=${time}`, [
        'created_after',
        'created_before',
        'updated_after',
      ]),
    ),
    query('/orders?status[]=PLACED&customer_id=%00', ['customer_id', 'status%5B%5D']),
    query('/orders?restaurantid=$restaurant', ['restaurantid']),
    query('/restaurants?page=2', ['page']),
    ...['%ff', '%zz', '%'].map((value): Case => ({
      name: `a filter of ${value}`,
      method: 'GET',
      path: `/orders?customer_id=${value}`,
      status: 400,
      says: 'percent-encoding',
    })),
    query('/orders/$order?expand=items', ['expand']),
    query('/inventory/$item?a=1&a=2', ['a']),
    query('/orders?customer_id=a&customer_id=b', ['customer_id']),
    query('/restaurants?limit=x&cursor=y', ['limit', 'cursor']),
    ...[
      '',
      '/',
      '/nope',
      '/orders/$order/nope',
      '/inventory',
      '/inventory/add/$restaurant',
      '/restaurants/$restaurant/orders',
      '/Orders',
      '//API/V1/orders',
      '//Healthz',
      '//DOCS',
    ].map((path): Case => ({ name: `GET ${path}`, method: 'GET', path, status: 404 })),
    { name: 'an unknown route, with a broken body', path: '/nope', send: json('{'), status: 404 },
    { name: 'an unknown route above', method: 'GET', path: '//nope', status: 404 },
    { name: 'a route without its base', path: '//orders', send: { json: order }, status: 404 },
    { name: 'an asset that is not there', method: 'GET', path: '//docs/nope.js', status: 404 },
    {
      name: 'an asset above the folder',
      method: 'GET',
      path: '//docs/..%2f..%2fexpress%2fpackage.json',
      status: 404,
    },
    { name: 'a malformed asset', method: 'GET', path: '//docs/%', status: 400 },
    wrongMethod('DELETE', '/orders', 'POST, GET, HEAD, OPTIONS'),
    wrongMethod('PUT', '/orders', 'POST, GET, HEAD, OPTIONS'),
    wrongMethod('DELETE', '/orders/$order', 'GET, HEAD, OPTIONS'),
    wrongMethod('POST', '/orders/$order', 'GET, HEAD, OPTIONS'),
    wrongMethod('PATCH', '/orders/$order/cancel', 'POST, OPTIONS'),
    wrongMethod('HEAD', '/orders/$order/cancel', 'POST, OPTIONS'),
    wrongMethod('GET', '/orders/$order/status', 'PATCH, OPTIONS'),
    wrongMethod('PATCH', '/orders/$order/items', 'PUT, OPTIONS'),
    wrongMethod('GET', '/orders/$order/items', 'PUT, OPTIONS'),
    wrongMethod('GET', '/orders/$order/approve', 'POST, OPTIONS'),
    wrongMethod('PUT', '/orders/$order/approve', 'POST, OPTIONS'),
    wrongMethod('GET', '/inventory/add/restaurant', 'POST, OPTIONS'),
    wrongMethod('DELETE', '/inventory/$item', 'GET, PATCH, HEAD, OPTIONS'),
    wrongMethod('TRACE', '/orders', 'POST, GET, HEAD, OPTIONS'),
    wrongMethod('PROPFIND', '/orders', 'POST, GET, HEAD, OPTIONS'),
    wrongMethod('POST', '//healthz', 'GET, HEAD, OPTIONS'),
    wrongMethod('DELETE', '//readyz', 'GET, HEAD, OPTIONS'),
    wrongMethod('POST', '//openapi.json', 'GET, HEAD, OPTIONS'),
    wrongMethod('POST', '//docs', 'GET, HEAD, OPTIONS'),
    wrongMethod('DELETE', '//docs/swagger-ui.css', 'GET, HEAD, OPTIONS'),
    wrongMethod('POST', '//', 'GET, HEAD, OPTIONS'),
    {
      ...wrongMethod('DELETE', '/orders', 'POST, GET, HEAD, OPTIONS'),
      name: 'a wrong method with a broken body',
      send: json('{'),
    },
    { name: 'HEAD of an unknown order', method: 'HEAD', path: '/orders/$unknown', status: 404 },
  ])('$name', check);

  it.each(['//', '//docs', '//docs/swagger-ui.css', '//openapi.json', '//healthz', '//readyz'])(
    'answers OPTIONS %s with what is allowed',
    async (path) => {
      expect(await api.call('OPTIONS', path)).toMatchObject({
        status: 204,
        headers: { allow: 'GET, HEAD, OPTIONS' },
        text: '',
      });
    },
  );

  it('says at / where to go from there, as JSON and as a page', async () => {
    expect(await api.call('GET', '//')).toMatchObject({
      status: 200,
      body: { links: { docs: '/docs', orders: '/api/v1/orders' } },
    });
    const page = await api.call('GET', '//', { headers: { accept: 'text/html,*/*;q=0.8' } });
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
  });

  it('answers OPTIONS with what is allowed', async () => {
    expect(await api.call('OPTIONS', '/orders')).toMatchObject({
      status: 204,
      headers: { allow: 'POST, GET, HEAD, OPTIONS' },
      text: '',
    });
  });

  it('answers HEAD as GET, without the body', async () => {
    const [head, get] = [
      await api.call('HEAD', fill('/orders/$order')),
      await api.get(fill('/orders/$order')),
    ];
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.headers['content-length']).toBe(get.headers['content-length']);
  });
});
