import { newId } from '../../shared/ids';
import { openTestShop } from '../testing/test-shop';

// The client of these tests holds every answer against its schema; what is judged, and when, is tested in
// shared/timeline and operator/mesh/stalls.

const shop = openTestShop([10]);

const place = async (payment?: object) =>
  (
    await shop.api.post('/orders', {
      restaurant_id: shop.restaurantId,
      items: [{ menu_item_id: shop.items[0], quantity: 1 }],
      payment,
    })
  ).body.order_id as string;

it('answers the timeline of an order that has everything, as documented', async () => {
  const { database } = shop.api;
  const id = await place({ method: 'CARD', token: 'tok_approved' });
  const [event] = await database.outboxEvent.findMany({ where: { subject: id } });
  const consumer = 'inventory-service';
  await database.subscription.create({ data: { consumer, eventType: event!.type, since: new Date(0) } });
  await database.outboxEvent.updateMany({
    where: { subject: id },
    data: { attempts: 2, lastError: 'no queue took it.', nextAttemptAt: new Date('2030-01-01T00:00:00Z') },
  });
  const { seq: _seq, attempts: _attempts, nextAttemptAt: _next, lastError: _error, ...written } = event!;
  const published = {
    ...written,
    eventId: newId(),
    type: 'inventory.restored.v1',
    body: {},
    causationId: event!.eventId,
  };
  await database.eventLog.create({ data: published });
  await database.processedEvent.create({
    data: { consumer, eventId: published.eventId, type: 't', subject: id, attempts: 2 },
  });
  for (const outcome of ['RETRIED', 'DEAD_LETTERED', 'REPLAYED'])
    await database.deliveryFailure.create({
      data: {
        consumer,
        eventId: published.eventId,
        attempt: 1,
        reason: 'handler_failed',
        error: 'x',
        outcome,
        retryAt: new Date(),
      },
    });
  const payment = { id: newId(), orderId: id, amount: '100.00', currency: 'INR' };
  const due = {
    state: 'AUTHORIZING',
    attempts: 2,
    lastError: '500',
    nextAttemptAt: new Date(),
    askedAt: new Date(),
  };
  await database.payment.create({
    data: { ...payment, ...due, restaurantId: shop.restaurantId, correlationId: 'c' },
  });
  const move = { paymentId: payment.id, orderId: id, toState: 'AUTHORIZING', cause: 'order_placed' };
  await database.paymentMove.create({ data: { ...move, causedBy: event!.eventId } });
  await database.paymentMove.create({
    data: {
      ...move,
      cause: 'tried_again',
      attempts: 1,
      askedAt: new Date(),
      lastError: 'x',
      operator: 'asha',
      note: 'n',
    },
  });
  const ledger = { paymentId: payment.id, orderId: id, amount: '100.00', currency: 'INR' };
  await database.paymentLedger.create({ data: { ...ledger, kind: 'AUTHORIZED' } });

  const { status, body } = await shop.api.get(`/orders/${id}/timeline`);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    order_id: id,
    status: 'PLACED',
    version: 1,
    waiting_for: {
      code: 'publishing_refused',
      service: 'outbox-publisher',
      sentence:
        'inventory-service is to take its stock; RabbitMQ did not take order.placed.v1 (2 times: no queue took it); it is tried again at 2030-01-01T00:00:00Z.',
    },
    also_waiting_for: [{ code: 'gateway_no_answer', service: 'payment-service' }],
    events: [
      {
        source: '/order-api',
        published_at: null,
        refused: { attempts: 2, error: 'no queue took it.' },
        consumers: [{ service: consumer, state: 'publishing_refused' }],
        caused: [
          {
            type: 'inventory.restored.v1',
            consumers: [
              {
                state: 'handled',
                attempts: 2,
                failures: [{ outcome: 'RETRIED' }, {}, { outcome: 'REPLAYED' }],
              },
            ],
          },
        ],
      },
    ],
    payment: {
      operation: 'AUTHORIZE',
      attempts: 2,
      last_error: '500',
      ledger: [{ kind: 'AUTHORIZED', amount: 100 }],
    },
    history: [{ version: 1, from: null, to: 'PLACED', actor: 'CUSTOMER' }],
  });
  expect(body.payment.moves[1]).toMatchObject({
    operator: 'asha',
    attempts: 1,
    answer_ms: expect.any(Number),
  });
});

it('says until when a draft may be approved', async () => {
  const id = await shop.draft();
  const { body } = await shop.api.get(`/orders/${id}/timeline`);
  expect(body).toMatchObject({
    status: 'DRAFT',
    waiting_for: { code: 'approval', service: 'order-api' },
    events: [],
  });
});

it('writes nothing, and names what is wrong with a request', async () => {
  const id = await place();
  const before = await shop.api.snapshot();
  expect((await shop.api.get(`/orders/${id}/timeline`)).status).toBe(200);
  expect((await shop.api.get(`/orders/${newId()}/timeline`)).status).toBe(404);
  expect((await shop.api.get('/orders/x/timeline')).status).toBe(400);
  expect((await shop.api.get(`/orders/${id}/timeline?limit=1`)).status).toBe(400);
  expect((await shop.api.post(`/orders/${id}/timeline`, {})).status).toBe(405);
  expect(await shop.api.snapshot()).toEqual(before);
});
