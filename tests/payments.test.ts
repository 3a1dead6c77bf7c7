import { startMesh, type Mesh } from '../shared/testing/mesh';
import { until } from '../shared/testing/until';

let mesh: Mesh;
let restaurantId: string;
let itemId: string;

beforeAll(async () => {
  mesh = await startMesh({
    environment: {
      PAYMENT_TIMEOUT: '1500ms',
      PAYMENT_TAKEOVER: '7s', // about the shortest that goes with it
      SIMULATOR_SLOW: '300ms',
      SIMULATOR_HANG: '10s',
    },
  });
  ({ restaurantId, itemId } = await mesh.addItem(10_000));
}, 60_000);
afterAll(() => mesh.stop());

interface AtGateway {
  status: string;
  authorized_amount: string;
  captured_amount: string;
  refunded_amount: string;
}

const simulator = async <T>(path: string, init?: RequestInit): Promise<T> =>
  (await (await fetch(`${mesh.service('payment-simulator').url}${path}`, init)).json()) as T;
const atGateway = async (orderId: string) =>
  (await simulator<{ payments: AtGateway[] }>(`/v1/payments?order_id=${orderId}`)).payments;
/** What was asked about an order, and done: replays and refusals left out. */
const done = async (orderId: string) =>
  (
    await simulator<{ requests: { operation: string; replayed: boolean; outcome: string }[] }>(
      `/v1/requests?order_id=${orderId}`,
    )
  ).requests;

const card = (token: string, quantity = 1) => mesh.place(restaurantId, itemId, quantity, token);
const payment = (orderId: string) => mesh.db.database.payment.findUnique({ where: { orderId } });
const becomes = (orderId: string, state: string) =>
  until(
    `the payment of ${orderId} to be ${state}`,
    async () => (await payment(orderId))?.state === state,
    30_000,
  );
const cancel = (orderId: string) => mesh.ask('POST', `/orders/${orderId}/cancel`);
const types = async (orderId: string) =>
  (
    await mesh.db.database.eventLog.findMany({ where: { subject: orderId }, orderBy: { createdAt: 'asc' } })
  ).map((event) => event.type);
const ledger = async (orderId: string) =>
  (await mesh.db.database.paymentLedger.findMany({ where: { orderId }, orderBy: { id: 'asc' } })).map(
    ({ kind, amount }) => `${kind} ${amount.toFixed(2)}`,
  );

it('authorises, prepares, and charges once', async () => {
  const id = await card('tok_approved', 2);
  await mesh.reaches(id, 'PREPARING');
  await becomes(id, 'CAPTURED');
  await mesh.quiet();
  expect(await ledger(id)).toEqual(['AUTHORIZED 241.00', 'CAPTURED 241.00']);
  expect(await atGateway(id)).toMatchObject([
    { status: 'captured', authorized_amount: '241.00', captured_amount: '241.00', refunded_amount: '0.00' },
  ]);
  expect((await done(id)).map(({ operation }) => operation)).toEqual(['open', 'authorize', 'capture']);
  expect((await types(id)).filter((type) => type.startsWith('payment.'))).toEqual([
    'payment.authorized.v1',
    'payment.completed.v1',
  ]);
});

it('waits for the slower of stock and card, whichever it is', async () => {
  await mesh.service('inventory-service').stop();
  const stockLate = await card('tok_approved');
  await becomes(stockLate, 'AUTHORIZED');
  await until('status-service to know of the card', async () =>
    mesh.db.database.orderStateTracking.findUnique({ where: { orderId: stockLate } }),
  );
  expect((await mesh.ask('GET', `/orders/${stockLate}`)).body.status).toBe('PLACED');
  await mesh.start('inventory-service');
  await mesh.reaches(stockLate, 'PREPARING');

  const cardLate = await card('tok_timeout');
  await until('the stock to be there first', async () =>
    mesh.db.database.orderStateTracking.findUnique({ where: { orderId: cardLate } }),
  );
  expect((await mesh.ask('GET', `/orders/${cardLate}`)).body.status).toBe('PLACED');
  await mesh.reaches(cardLate, 'PREPARING');
  for (const id of [stockLate, cardLate]) {
    await becomes(id, 'CAPTURED');
    expect(await ledger(id)).toEqual(['AUTHORIZED 120.50', 'CAPTURED 120.50']);
  }
});

it('cancels an order whose card is declined, and gives the stock back', async () => {
  const { restaurantId: own, itemId: dish } = await mesh.addItem(5);
  const id = await mesh.place(own, dish, 3, 'tok_insufficient_funds');
  await mesh.reaches(id, 'CANCELLED');
  await mesh.quiet();
  expect((await mesh.ask('GET', `/orders/${id}`)).body).toMatchObject({ cancel_reason: 'PAYMENT_FAILED' });
  expect(await mesh.available(dish)).toBe(5);
  expect(await payment(id)).toMatchObject({ state: 'FAILED', declineCode: 'insufficient_funds' });
  expect(await ledger(id)).toEqual([]);
  const told = await mesh.db.database.notification.findMany({ where: { orderId: id, audience: 'CUSTOMER' } });
  expect(told.map(({ eventType }) => eventType)).toContain('payment.failed.v1');
});

it('releases the authorisation of an order whose stock is short', async () => {
  const { restaurantId: own, itemId: dish } = await mesh.addItem(1);
  const id = await mesh.place(own, dish, 2, 'tok_slow');
  await mesh.reaches(id, 'CANCELLED');
  await until('its payment to be over', async () =>
    ['VOIDED', 'CANCELLED'].includes((await payment(id))?.state ?? ''),
  );
  // One whose order was cancelled before the gateway's reference was known stays open there: no card was mentioned.
  for (const { status } of await atGateway(id)) expect(['voided', 'open']).toContain(status);
  expect(await ledger(id)).toEqual(expect.not.arrayContaining([expect.stringContaining('CAPTURED')]));
});

it('refunds what it had captured, once', async () => {
  const id = await card('tok_refund_drops');
  await becomes(id, 'CAPTURED');
  await cancel(id);
  await cancel(id);
  await becomes(id, 'REFUNDED');
  await mesh.quiet();
  expect(await ledger(id)).toEqual(['AUTHORIZED 120.50', 'CAPTURED 120.50', 'REFUNDED 120.50']);
  expect(await atGateway(id)).toMatchObject([{ status: 'refunded', refunded_amount: '120.50' }]);
  expect((await types(id)).filter((type) => type === 'payment.refunded.v1')).toHaveLength(1);
});

it.each(['tok_drops', 'tok_flaky', 'tok_timeout', 'tok_capture_drops', 'tok_capture_flaky'])(
  'asks again with the same key where no answer came: %s',
  async (token) => {
    const id = await card(token);
    await becomes(id, 'CAPTURED');
    await mesh.quiet();
    expect(await atGateway(id)).toMatchObject([{ status: 'captured', captured_amount: '120.50' }]);
    expect(await ledger(id)).toEqual(['AUTHORIZED 120.50', 'CAPTURED 120.50']);
  },
);

it('refunds what is left of an order of which a part was refunded at the gateway', async () => {
  const id = await card('tok_approved', 2); // 241.00
  await becomes(id, 'CAPTURED');
  const [{ id: reference }] = (await atGateway(id)) as unknown as [{ id: string }];
  await simulator(`/v1/payments/${reference}/refund`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'at-the-desk' },
    body: JSON.stringify({ amount: '100.00', currency: 'INR' }),
  });
  await cancel(id);
  await becomes(id, 'REFUNDED');
  await mesh.quiet();
  expect(await atGateway(id)).toMatchObject([{ status: 'refunded', refunded_amount: '241.00' }]);
  expect(await ledger(id)).toEqual(['AUTHORIZED 241.00', 'CAPTURED 241.00', 'REFUNDED 241.00']);
});

it('counts an order as refunded that was refunded whole at the gateway', async () => {
  const id = await card('tok_approved');
  await becomes(id, 'CAPTURED');
  const [{ id: reference }] = (await atGateway(id)) as unknown as [{ id: string }];
  await simulator(`/v1/payments/${reference}/refund`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'at-the-desk-too' },
    body: JSON.stringify({ amount: '120.50', currency: 'INR' }),
  });
  await cancel(id);
  await becomes(id, 'REFUNDED');
  expect((await done(id)).filter(({ operation }) => operation === 'refund')).toHaveLength(1); // the desk's
});

it('charges once though the process dies between the call and its record', async () => {
  const id = await card('tok_timeout');
  await until(
    'the gateway to have authorised',
    async () => (await atGateway(id))[0]?.status === 'authorized',
  );
  expect(await payment(id)).toMatchObject({ state: 'AUTHORIZING' });
  await mesh.service('payment-service').kill();
  await mesh.start('payment-service');
  await becomes(id, 'CAPTURED');
  expect(await ledger(id)).toEqual(['AUTHORIZED 120.50', 'CAPTURED 120.50']);
  expect(await atGateway(id)).toHaveLength(1);
});

it('finds out what became of an authorisation before it releases it, without its token', async () => {
  const id = await card('tok_timeout');
  await until(
    'the gateway to have authorised',
    async () => (await atGateway(id))[0]?.status === 'authorized',
  );
  await mesh.service('payment-service').kill();
  await cancel(id);
  await mesh.start('payment-service');
  await becomes(id, 'VOIDED');
  await mesh.quiet();
  expect(await ledger(id)).toEqual(['AUTHORIZED 120.50', 'VOIDED 120.50']);
  expect(await mesh.db.database.cardToken.count({ where: { orderId: id } })).toBe(0);
});

it('gives back the money of every order that is cancelled around its capture, with two instances', async () => {
  await mesh.start('payment-service');
  const ids = await Promise.all(Array.from({ length: 30 }, () => card('tok_approved')));
  await Promise.all(
    ids.map(async (id) => {
      await mesh.reaches(id, 'PREPARING');
      await cancel(id);
    }),
  );
  for (const id of ids) {
    await until('its money to be back', async () =>
      ['VOIDED', 'REFUNDED'].includes((await payment(id))?.state ?? ''),
    );
    const held = await atGateway(id);
    expect(held).toHaveLength(1);
    expect(held[0]).toMatchObject({ refunded_amount: held[0]?.captured_amount });
    expect(['voided', 'refunded']).toContain(held[0]?.status);
  }
});

it('puts a refused capture before an operator, and leaves the order alone', async () => {
  const id = await card('tok_capture_refused');
  await becomes(id, 'REVIEW');
  expect(await payment(id)).toMatchObject({ reviewOperation: 'CAPTURE' });
  expect((await mesh.ask('GET', `/orders/${id}`)).body.status).toBe('PREPARING');
  await cancel(id);
  await becomes(id, 'VOIDED');
});

it('puts another amount than was asked before an operator', async () => {
  const id = await card('tok_wrong_amount');
  await becomes(id, 'REVIEW');
  expect(await payment(id)).toMatchObject({ reviewOperation: 'AUTHORIZE' });
  expect((await payment(id))?.reviewReason).toMatch(/asked for 120\.50 INR, the gateway has/);
  expect((await mesh.ask('GET', `/orders/${id}`)).body.status).toBe('PLACED');
  await cancel(id);
  await becomes(id, 'VOIDED');
});

it('charges everybody once through a gateway that drops, fails and hangs', async () => {
  await simulator('/v1/faults', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ drop_before: 0.1, drop_after: 0.15, error: 0.1, hang_after: 0.03 }),
  });
  const ids = await Promise.all(Array.from({ length: 40 }, () => card('tok_approved')));
  for (const id of ids.filter((_, index) => index % 4 === 0)) await cancel(id);
  await simulator('/v1/faults', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  for (const [index, id] of ids.entries()) {
    await until(
      `order ${id} to be over`,
      async () =>
        (index % 4 ? ['CAPTURED'] : ['VOIDED', 'REFUNDED', 'CANCELLED']).includes(
          (await payment(id))?.state ?? '',
        ),
      60_000,
    );
    const held = await atGateway(id);
    expect(held.filter(({ authorized_amount }) => Number(authorized_amount) > 0).length).toBeLessThanOrEqual(
      1,
    );
    for (const one of held)
      expect(Number(one.captured_amount) - Number(one.refunded_amount)).toBe(index % 4 ? 120.5 : 0);
  }
}, 120_000);

it('keeps no card token, and says none', async () => {
  await mesh.quiet();
  expect(await mesh.db.database.cardToken.count()).toBe(0);
  const said = JSON.stringify([
    mesh.processes.filter(({ name }) => name !== 'payment-simulator').map(({ log }) => log),
    await mesh.db.database.eventLog.findMany({ select: { body: true } }),
    await mesh.db.database.payment.findMany(),
    await mesh.db.database.paymentMove.findMany({ omit: { id: true } }),
    await mesh.db.database.notification.findMany(),
  ]);
  expect(said).not.toContain('tok_');
});
