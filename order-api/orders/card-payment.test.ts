import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { pino } from 'pino';
import { openCardToken } from '../../shared/payment/card-token';
import { seedMenu } from '../../shared/testing/seed';
import { eventsAbout } from '../testing/order-events';
import { serve, startTestApi, TEST_CARD_TOKEN_KEYS, type ApiClient, type TestApi } from '../testing/test-api';
import { opaqueText } from '../http/fields';

let api: TestApi;
let restaurantId: string;
let logged = '';

beforeAll(async () => {
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString();
      done();
    },
  });
  // Without the redaction of the real one: nothing may depend on that.
  api = await startTestApi({ log: pino({ level: 'trace' }, stream) });
  ({ restaurantId } = await seedMenu(api.database, [50]));
});
afterAll(() => api.stop());

const place = (payment?: object, more: object = {}, client: ApiClient = api) =>
  client.post('/orders', {
    restaurant_id: restaurantId,
    items: [{ sku: 'DISH-1', quantity: 2 }],
    payment,
    ...more,
  });
const tokensOf = (orderId: string) => api.database.cardToken.findMany({ where: { orderId } });

/** Where in the database a text is, as text or as bytes. */
async function tablesWith(text: string): Promise<string[]> {
  const tables = await api.database.$queryRaw<{ name: string }[]>`
    SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`;
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await api.database.$queryRawUnsafe<unknown[]>(
      `SELECT 1 FROM "${name}" t WHERE position($1 IN t::text) > 0 OR position($2 IN t::text) > 0 LIMIT 1`,
      text,
      Buffer.from(text).toString('hex'),
    );
    if (rows.length > 0) found.push(name);
  }
  return found;
}

describe('an order paid by card', () => {
  it('says so in its row and its event, and keeps the token sealed', async () => {
    const reply = await place({ method: 'CARD', token: 'tok_approved' });
    const id = reply.body.order_id as string;
    expect(reply).toMatchObject({ status: 202, body: { status: 'PLACED', total_amount: 200 } });
    const order = (await api.get(`/orders/${id}`)).body;
    expect(order).toMatchObject({ payment_method: 'CARD' });
    expect((await api.get('/orders?limit=1')).body.orders).toMatchObject([{ id, payment_method: 'CARD' }]);
    expect(await eventsAbout(api.database, id)).toMatchObject([
      { type: 'order.placed.v1', data: { payment_method: 'CARD', placed_at: order.created_at } },
    ]);
    const [kept, ...more] = await tokensOf(id);
    expect(more).toEqual([]);
    expect(
      openCardToken(TEST_CARD_TOKEN_KEYS, id, {
        keyId: kept?.keyId ?? null,
        bytes: kept?.ciphertext ?? Buffer.alloc(0),
      }),
    ).toBe('tok_approved');
  });

  it('is announced with its payment method when it is cancelled', async () => {
    const { body } = await place({ method: 'CARD', token: 'tok_approved' });
    await api.post(`/orders/${body.order_id}/cancel`);
    expect(await eventsAbout(api.database, body.order_id)).toMatchObject([
      { type: 'order.placed.v1' },
      { type: 'order.cancelled.v1', data: { payment_method: 'CARD' } },
    ]);
  });

  it('is not written where its token cannot be', async () => {
    await api.database.$executeRaw`ALTER TABLE card_tokens ADD CONSTRAINT refused CHECK (false) NOT VALID`;
    const before = await api.snapshot();
    await expect(place({ method: 'CARD', token: 'tok_unlucky' })).rejects.toThrow(': 500 ');
    expect(await api.snapshot()).toEqual(before);
    await api.database.$executeRaw`ALTER TABLE card_tokens DROP CONSTRAINT refused`;
    expect(logged).not.toContain('tok_unlucky');
  });

  it('has something to pay: what comes to 0.00 is refused, placed or approved', async () => {
    const { items } = await seedMenu(api.database, [5]);
    const [itemId = ''] = items;
    const { restaurantId: own } = await api.database.menuItem.update({
      where: { id: itemId },
      data: { price: 0 },
    });
    const order = { restaurant_id: own, items: [{ menu_item_id: itemId, quantity: 2 }] };
    const payment = { method: 'CARD', token: 'tok_approved' };
    const before = await api.snapshot();
    const refused = { status: 422, body: { errors: [{ pointer: '#/payment/method' }] } };
    expect(await api.post('/orders', { ...order, payment })).toMatchObject(refused);
    expect(await api.snapshot()).toEqual(before);
    const { body: draft } = await api.post('/orders', { ...order, draft: true });
    expect(await api.post(`/orders/${draft.order_id}/approve`, { payment })).toMatchObject(refused);
    expect((await api.get(`/orders/${draft.order_id}`)).body.status).toBe('DRAFT');
  });

  it.each([
    ['no payment', undefined],
    ['CASH', { method: 'CASH' }],
  ])('keeps no token with %s', async (_, payment) => {
    const { body } = await place(payment);
    expect(await tokensOf(body.order_id)).toEqual([]);
    expect(await eventsAbout(api.database, body.order_id)).toMatchObject([
      { data: { payment_method: 'CASH' } },
    ]);
  });
});

describe('the token', () => {
  it('is nowhere: in no row, no line of the log, no answer', async () => {
    const token = `tok_${randomBytes(12).toString('hex')}`;
    const card = { method: 'CARD', token };
    const draft = (await place(undefined, { draft: true })).body.order_id as string;
    const replies = [
      await place(card),
      await api.post(`/orders/${draft}/approve`, { payment: card }),
      await api.post(`/orders/${draft}/approve`, { payment: card }),
      await place(card, { draft: true }),
      await place(card, { items: [{ sku: 'NOPE', quantity: 0 }] }),
      await place({ ...card, method: 'CASH' }),
      await place({ ...card, token: [token] }),
      await place({ ...card, token: token.repeat(10) }),
      await api.call('POST', '/orders', {
        raw: `{"payment":{"method":"CARD","token":"${token}"`,
        headers: { 'content-type': 'application/json' },
      }),
    ];
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202, 422, 422, 422, 422, 422, 400]);
    await api.post(`/orders/${draft}/cancel`);
    replies.push(await api.get(`/orders/${draft}`), await api.get('/orders'));
    for (const { text, headers } of replies) expect(text + JSON.stringify(headers)).not.toContain(token);
    expect(logged).toContain('draft approved');
    expect(logged).not.toContain(token);
    expect(await tablesWith(token)).toEqual([]);
    // And that search finds what is there.
    expect(await tablesWith('DISH-1')).toEqual(expect.arrayContaining(['order_lines', 'outbox_events']));
    await api.database.cardToken.update({
      where: { orderId: draft },
      data: { ciphertext: Buffer.from(token) },
    });
    expect(await tablesWith(token)).toEqual(['card_tokens']);
  });

  it('may be any text, and comes out as it went in', async () => {
    const anyToken = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
      .filter((value) => opaqueText(255).safeParse(value).success);
    await fc.assert(
      fc.asyncProperty(anyToken, async (token) => {
        const { status, body } = await place({ method: 'CARD', token });
        expect(status).toBe(202);
        const [kept] = await tokensOf(body.order_id);
        expect(
          openCardToken(TEST_CARD_TOKEN_KEYS, body.order_id, {
            keyId: kept?.keyId ?? null,
            bytes: kept?.ciphertext ?? Buffer.alloc(0),
          }),
        ).toBe(token);
      }),
      { numRuns: 60 },
    );
  });
});

describe('payments as they may be sent', () => {
  const method = fc.constantFrom(undefined, null, 'CASH', 'CARD', 'card', 'UPI', 5);
  const token = fc.constantFrom(undefined, null, '', ' ', 'tok_secret', 'x'.repeat(256), 5, {});
  const draft = fc.constantFrom(undefined, true, false);

  /** The rules once more, in other words: the pointers of what is wrong. */
  function wrong(payment: { method?: unknown; token?: unknown }, draft: boolean | undefined): Set<string> {
    const has = 'token' in payment && payment.token !== undefined;
    const good = payment.token === 'tok_secret';
    const at = new Set<string>();
    if (payment.method !== 'CASH' && payment.method !== 'CARD') at.add('#/payment/method');
    if (has ? !good || payment.method === 'CASH' : payment.method === 'CARD') at.add('#/payment/token');
    if (draft && payment.method === 'CARD') at.add('#/payment');
    return at;
  }

  it('are placed when they are right, and told all that is wrong when they are not', async () => {
    await fc.assert(
      fc.asyncProperty(method, token, draft, fc.boolean(), async (method, token, draft, others) => {
        const payment = { method, token };
        const expected = wrong(payment, draft);
        if (others) for (const at of ['#/items/0/quantity', '#/email', '#/customer_id']) expected.add(at);
        const { status, body, text } = await place(payment, {
          draft,
          ...(others && { items: [{ sku: 'DISH-1', quantity: 1.5 }], email: 'x', customer_id: ' ' }),
        });
        const listed = ((body.errors ?? []) as { pointer: string }[]).map(({ pointer }) => pointer);
        expect(new Set(listed)).toEqual(expected);
        expect(status).toBe(expected.size > 0 ? 422 : draft ? 201 : 202);
        expect(text).not.toContain('tok_secret');
      }),
      { numRuns: 300 },
    );
  });
});

describe('without a key', () => {
  let keyless: ApiClient;
  beforeAll(async () => {
    keyless = await serve(api.database, { cardTokenKey: undefined });
  });
  afterAll(() => keyless.stop());

  const refused = {
    status: 503,
    body: {
      type: 'urn:ordermesh:problem:card-payments-not-set-up',
      detail: expect.stringContaining('CARD_TOKEN_KEY is not set'),
    },
  };

  it('an order by card is refused with 503, and nothing is written', async () => {
    const before = await api.snapshot();
    expect(await place({ method: 'CARD', token: 'tok_approved' }, {}, keyless)).toMatchObject(refused);
    expect(await api.snapshot()).toEqual(before);
  });

  it('a draft stays one when it is approved by card, and can be approved with cash', async () => {
    const { body } = await place({ method: 'CASH' }, { draft: true }, keyless);
    const before = await api.snapshot();
    const approve = (payment: object) => keyless.post(`/orders/${body.order_id}/approve`, { payment });
    expect(await approve({ method: 'CARD', token: 'tok_approved' })).toMatchObject(refused);
    expect(await api.snapshot()).toEqual(before);
    expect(await approve({ method: 'CASH' })).toMatchObject({ status: 202 });
    // Where there is nothing to seal, the key is not missed.
    expect(await approve({ method: 'CARD', token: 'tok_approved' })).toMatchObject({ status: 202 });
  });
});
