import { anEvent, eventFrom, orderCancelled, orderPlaced } from '../../shared/testing/events';
import { handle } from '../../shared/testing/handle';
import { newId } from '../../shared/ids';
import type { Event } from '../../shared/events/envelope';
import { handlersOver } from '../handlers';
import { openDeliveryBench } from '../testing/deliveries';
import type { MailData } from './mail-data';
import { mailsAbout } from './record-mails';

const bench = openDeliveryBench();
const handlers = handlersOver([(tx, events) => mailsAbout(tx, events, 10_000)]);
const tell = (...events: Event[]) => handle(bench.db.database, 'notification-service', handlers, ...events);
const mails = async () => (await bench.stored()).filter(({ channel }) => channel === 'EMAIL');
const dataOf = async () => (await mails()).map(({ data }) => data as unknown as MailData);
beforeEach(
  () => bench.db.database.$executeRaw`TRUNCATE restaurants, orders, processed_events, event_log CASCADE`,
);

interface Wanted {
  email?: string | null;
  paymentMethod?: string;
  status?: string;
  cancelReason?: string;
}

async function anOrder(more: Wanted = {}) {
  const [id, restaurantId] = [newId(), newId()];
  await bench.db.database.restaurant.create({
    data: { id: restaurantId, name: 'Tandoor\r\n House', email: 'kitchen@example.com' },
  });
  await bench.db.database.order.create({
    data: {
      id,
      restaurantId,
      status: 'PLACED',
      currency: 'INR',
      totalAmount: '1',
      correlationId: 'c',
      email: 'maya@example.com',
      ...more,
    },
  });
  return { id, restaurantId };
}
const moved = (id: string, type: 'preparing' | 'delivered', previous_status: string) =>
  anEvent(`order.status.${type}.v1`, id, {
    order_id: id,
    restaurant_id: newId(),
    previous_status,
    actor: 'MESH',
    changed_at: new Date().toISOString(),
    status: type.toUpperCase() as never,
  } as never);

it('records a mail for who gave an address, once, with what it says', async () => {
  const { id } = await anOrder();
  const { id: silent } = await anOrder({ email: null });
  const placed = orderPlaced([{ menu_item_id: newId(), quantity: 2 }], id);
  await tell(placed, orderPlaced([{ menu_item_id: newId(), quantity: 1 }], silent));
  await bench.db.database.processedEvent.deleteMany();
  await tell(placed);
  expect(await mails()).toMatchObject([
    {
      kind: 'accepted',
      recipient: 'maya@example.com',
      orderId: id,
      status: 'PENDING',
      sequence: 10,
      expects: null,
    },
  ]);
  expect(await dataOf()).toMatchObject([
    {
      restaurant: { name: 'Tandoor House' },
      order: { id },
      amount: 2,
      items: [{ name: 'Dal', quantity: 2 }],
    },
  ]);
});

it('records none about orders and restaurants that it does not know', async () => {
  const item = newId();
  const stock = {
    menu_item_id: item,
    restaurant_id: newId(),
    name: 'Dal',
    available_qty: 0,
    low_stock_threshold: 1,
  };
  await tell(orderCancelled(newId()), anEvent('inventory.out_of_stock.v1', item, stock));
  expect(await mails()).toEqual([]);
  expect((await bench.stored()).length).toBeGreaterThan(0); // the log has them
});

it('does not send to what is no single address, however long, and says so', async () => {
  for (const email of [
    'a@b.example, c@d.example',
    'a@b.example\r\nBcc: c@d.example',
    `${'x'.repeat(10_000)}@example.com`,
  ]) {
    const { id } = await anOrder({ email });
    await tell(orderCancelled(id));
  }
  const rows = await mails();
  expect(rows).toHaveLength(3);
  for (const row of rows)
    expect(row).toMatchObject({ status: 'DROPPED', lastError: 'it has no address that mail can be sent to' });
});

it('does not mail what was more than a week ago, as events that are sent again may be', async () => {
  const { id } = await anOrder();
  await bench.db.database.$executeRaw`UPDATE orders SET updated_at = now() - interval '8 days'`;
  await tell(orderCancelled(id));
  expect(await mails()).toMatchObject([
    { status: 'DROPPED', lastError: expect.stringContaining('more than a week ago') },
  ]);
});

it('goes by the order and not by a clock that is wrong', async () => {
  const { id } = await anOrder();
  await tell({ ...orderCancelled(id), time: '2001-01-01T00:00:00Z' });
  expect(await mails()).toMatchObject([{ status: 'PENDING' }]);
});

it.each([
  ['CASH', 'CUSTOMER', 'PREPARING', false, 'cash'],
  ['CARD', 'PAYMENT_FAILED', 'PLACED', false, 'not-charged'],
  ['CARD', 'OUT_OF_STOCK', 'PLACED', false, 'released'],
  ['CARD', 'STAFF', 'PREPARING', false, 'returned'],
  ['CARD', 'STAFF', 'PREPARING', true, 'refunded'],
] as const)('paid by %s, cancelled because of %s when %s (charged: %s), it says %s', async (...given) => {
  const [paymentMethod, reason, previous_status, charged, expected] = given;
  const { id, restaurantId } = await anOrder({ paymentMethod, status: 'CANCELLED', cancelReason: reason });
  const payment = {
    payment_id: newId(),
    order_id: id,
    restaurant_id: restaurantId,
    amount: 1,
    currency: 'INR',
    gateway: 'g',
  };
  if (charged)
    await tell(anEvent('payment.completed.v1', id, { ...payment, captured_at: new Date().toISOString() }));
  await tell(eventFrom(orderCancelled(id), { reason, previous_status }));
  expect((await dataOf()).at(-1)).toMatchObject({ kind: 'cancelled', reason, moneyBack: expected });
});

it('shows what the restaurant says about a cancellation, and nobody else', async () => {
  for (const actor of ['STAFF', 'CUSTOMER', 'MESH']) {
    const { id } = await anOrder();
    await tell(eventFrom(orderCancelled(id), { actor, note: 'Sorry\r\n<b>' }));
  }
  expect((await dataOf()).map(({ note }) => note)).toEqual(['Sorry <b>', undefined, undefined]);
});

it('waits for the step before where that has been announced, and else does not', async () => {
  const { id } = await anOrder();
  const { id: alone } = await anOrder();
  const placed = orderPlaced([{ menu_item_id: newId(), quantity: 1 }], id);
  const { id: eventId, type, subject } = placed;
  const body = placed as unknown as object;
  const logged = { eventId, type, subject, correlationId: 'c', body, createdAt: new Date() };
  await bench.db.database.eventLog.create({ data: logged });
  await tell(
    moved(id, 'preparing', 'PLACED'),
    moved(alone, 'preparing', 'PLACED'),
    moved(id, 'delivered', 'OUT_FOR_DELIVERY'),
  );
  expect((await mails()).map(({ orderId, kind, expects }) => [orderId, kind, expects])).toEqual(
    expect.arrayContaining([
      [id, 'preparing', 'order.placed.v1'],
      [alone, 'preparing', null],
      [id, 'delivered', null],
    ]),
  );
});

it('makes one mail of what runs low at a restaurant, and one for each restaurant', async () => {
  const restaurants = [await anOrder(), await anOrder()];
  const low = (restaurant_id: string, n: number) => {
    const menu_item_id = newId();
    const facts = {
      menu_item_id,
      restaurant_id,
      name: `Dish ${n}`,
      available_qty: 1,
      low_stock_threshold: 5,
    };
    return anEvent('inventory.low_stock.v1', menu_item_id, facts);
  };
  await tell(...Array.from({ length: 50 }, (_, n) => low(restaurants[n % 2]!.restaurantId, n)));
  const statuses = (await mails()).map(({ status }) => status);
  expect(statuses.filter((status) => status === 'PENDING')).toHaveLength(2);
  expect(statuses.filter((status) => status === 'GATHERED')).toHaveLength(48);
});
