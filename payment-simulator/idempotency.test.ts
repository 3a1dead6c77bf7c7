import { newId } from '../shared/ids';
import { runSimulator, type Reply, type RunningSimulator } from './testing/running-simulator';

let simulator: RunningSimulator;
beforeAll(async () => {
  simulator = await runSimulator();
});
afterAll(() => simulator.stop());

const opening = () => ({ order_id: newId(), payment_id: newId(), amount: '900.00', currency: 'INR' });

it('answers the same request with the same key as it did, and does nothing', async () => {
  const body = opening();
  const first = await simulator.post('/v1/payments', body, 'open-1');
  expect(first).toMatchObject({ status: 201, replayed: false, body: { ...body, status: 'open' } });
  await simulator.ask(first.body.id, 'void', {});
  // As it was then, although it has been voided since; and whatever the order of the fields.
  const again = Object.fromEntries(Object.entries(body).reverse());
  expect(await simulator.post('/v1/payments', again, 'open-1')).toEqual({ ...first, replayed: true });
});

it('refuses a key that belongs to another request', async () => {
  const { id } = await simulator.open();
  const { id: other } = await simulator.open();
  await simulator.ask(id, 'authorize', { token: 'tok_declined' }, 'one');
  const reused = { status: 409, body: { error: { code: 'idempotency_key_reused' } } };
  expect(await simulator.ask(id, 'authorize', { token: 'tok_approved' }, 'one')).toMatchObject(reused);
  expect(await simulator.ask(id, 'void', {}, 'one')).toMatchObject(reused);
  expect(await simulator.ask(other, 'authorize', { token: 'tok_declined' }, 'one')).toMatchObject(reused);
  expect(await simulator.ask(id, 'authorize', { token: 'tok_declined' }, 'one')).toMatchObject({
    status: 402,
    replayed: true,
  });
});

it('needs a key, and a body as it should be', async () => {
  const { id } = await simulator.open();
  expect(await simulator.send('POST', `/v1/payments/${id}/void`, {})).toMatchObject({
    status: 400,
    body: { error: { code: 'idempotency_key_required' } },
  });
  const bad = [
    { ...opening(), amount: 900 },
    { ...opening(), amount: '900' },
    { ...opening(), amount: '0.00' },
    { ...opening(), amount: '-1.00' },
    { ...opening(), currency: 'inr' },
    { ...opening(), order_id: '1' },
    { ...opening(), more: true },
    '{"order_id":',
    '[]',
    'null',
  ];
  for (const body of bad)
    expect(await simulator.post('/v1/payments', body)).toMatchObject({
      status: 422,
      body: { error: { code: 'invalid_body' } },
    });
  expect(await simulator.ask('pay_unknown', 'void', {})).toMatchObject({ status: 404 });
  expect(await simulator.send('GET', '/v1/payments/pay_unknown')).toMatchObject({ status: 404 });
  expect(await simulator.send('DELETE', `/v1/payments/${id}`)).toMatchObject({ status: 404 });
  expect(await simulator.send('GET', '/v1/payments?limit=0')).toMatchObject({ status: 422 });
});

it('twenty at once with one key: one authorisation, and nobody is told anything else', async () => {
  const { id } = await simulator.open();
  const replies = (await Promise.all(
    Array.from({ length: 20 }, () => simulator.ask(id, 'authorize', { token: 'tok_approved' }, 'race')),
  )) as Reply[];
  for (const { status, body } of replies)
    expect(status === 200 ? body.status : body.error?.code).toBe(
      status === 200 ? 'authorized' : 'idempotency_key_in_use',
    );
  expect(replies.filter(({ status, replayed }) => status === 200 && !replayed)).toHaveLength(1);
  expect(await simulator.payment(id)).toMatchObject({ authorizations: 1 });
});

it('twenty at once with keys of their own: one authorisation', async () => {
  const { id } = await simulator.open();
  const replies = (await Promise.all(
    Array.from({ length: 20 }, () => simulator.ask(id, 'authorize', { token: 'tok_approved' })),
  )) as Reply[];
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(replies.filter(({ body }) => body.error?.code === 'already_authorized')).toHaveLength(19);
});

it('authorise or void: one of them is first, and after a void nothing is authorised', async () => {
  for (let round = 0; round < 20; round += 1) {
    const { id } = await simulator.open();
    const asked = [
      () => simulator.ask(id, 'authorize', { token: 'tok_approved' }),
      () => simulator.ask(id, 'void', {}),
    ];
    const replies = await Promise.all((round % 2 ? asked.reverse() : asked).map((ask) => ask()));
    const [authorize, voided] = (round % 2 ? replies.reverse() : replies) as [Reply, Reply];
    expect(voided.body.status).toBe('voided');
    expect([200, 409]).toContain(authorize.status);
    const payment = await simulator.payment(id);
    expect(payment).toMatchObject({ status: 'voided', voids: 1 });
    expect(payment.authorizations).toBe(authorize.status === 200 ? 1 : 0);
  }
});
