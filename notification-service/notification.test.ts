import { anEvent, orderCancelled, orderPlaced } from '../shared/testing/events';
import { handle } from '../shared/testing/handle';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { until } from '../shared/testing/until';
import { createLogger } from '../shared/service/logger';
import type { Stop } from '../shared/service/run-service';
import { newId } from '../shared/ids';
import { deliverNotifications } from './deliver-notifications';
import { handlers } from './handlers';
import type { Channel } from './log-channel';

let db: TestDatabase;
let deliverers: Stop[] = [];
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());
beforeEach(() => db.database.notification.deleteMany());
afterEach(async () => {
  await Promise.all(deliverers.map((stop) => stop()));
  deliverers = [];
});

const notify = (...events: Parameters<typeof handle>[3][]) =>
  handle(db.database, 'notification-service', handlers, ...events);
const deliver = (channel: Channel) =>
  deliverers.push(deliverNotifications(db.database, channel, createLogger('test', 'silent')));
const stored = () => db.database.notification.findMany({ orderBy: { id: 'asc' } });

describe('notification-service', () => {
  it('stores one notification an event and audience, once, whatever comes again', async () => {
    const placed = orderPlaced([{ menu_item_id: newId(), quantity: 2 }]);
    await notify(placed);
    await notify(placed);
    await db.database.processedEvent.deleteMany();
    await notify(placed);
    expect(await stored()).toMatchObject([
      {
        audience: 'CUSTOMER',
        orderId: placed.subject,
        eventId: placed.id,
        correlationId: placed.correlationid,
      },
      { audience: 'RESTAURANT', text: '2 × Dal: 2.00 INR' },
    ]);
  });

  it('tells the restaurant of its stock, and the customer why an order was cancelled', async () => {
    const item = newId();
    const data = {
      menu_item_id: item,
      restaurant_id: newId(),
      name: 'Dal',
      available_qty: 3,
      low_stock_threshold: 10,
    };
    await notify(anEvent('inventory.low_stock.v1', item, data));
    await notify(orderCancelled(newId()));
    expect((await stored()).map((one) => [one.audience, one.title])).toEqual([
      ['RESTAURANT', 'Dal is running low'],
      ['CUSTOMER', 'Your order is cancelled'],
      ['RESTAURANT', 'An order is cancelled'],
    ]);
  });

  it('tells the customer what becomes of the money, and the restaurant what it does not get', async () => {
    const payment = {
      payment_id: newId(),
      order_id: newId(),
      restaurant_id: newId(),
      amount: 900.5,
      currency: 'INR',
      gateway: 'simulator',
      gateway_reference: 'pay_1',
    };
    const { order_id: order } = payment;
    const at = new Date().toISOString();
    const failed = (decline_code: string) =>
      anEvent('payment.failed.v1', order, { ...payment, decline_code, failed_at: at });
    await notify(anEvent('payment.authorized.v1', order, { ...payment, authorized_at: at }));
    await notify(failed('insufficient_funds'));
    await notify(failed('stolen_card'), failed('constructor'));
    await notify(anEvent('payment.completed.v1', order, { ...payment, captured_at: at }));
    await notify(anEvent('payment.refunded.v1', order, { ...payment, refunded_at: at }));
    const told = (await stored()).map(({ audience, title, text, orderId }) => {
      expect(orderId).toBe(order);
      return [audience, title, text];
    });
    const declined = ['CUSTOMER', 'Your payment did not go through'];
    const notCharged = 'You were not charged the 900.50 INR.';
    expect(told).toEqual([
      ['CUSTOMER', 'Your card is authorised', expect.stringContaining('900.50 INR are reserved on it')],
      [...declined, `There is not enough money on your card. ${notCharged}`],
      [...declined, `Your card was not accepted. ${notCharged}`],
      [...declined, `Your card was not accepted. ${notCharged}`],
      ['CUSTOMER', 'Your card is charged', `900.50 INR, paid by card. Receipt ${payment.payment_id}.`],
      ['CUSTOMER', 'Your money is on its way back', expect.stringContaining('900.50 INR are refunded')],
      ['RESTAURANT', 'A payment is refunded', '900.50 INR of a cancelled order.'],
    ]);
  });

  it('hands each to the channel once, though two instances deliver', async () => {
    for (let n = 0; n < 10; n++) await notify(...Array.from({ length: 10 }, () => orderCancelled(newId())));
    const told: string[] = [];
    const channel: Channel = async (notification) => void told.push(notification.id);
    deliver(channel);
    deliver(channel);
    await until(
      'all to be delivered',
      async () => (await db.database.notification.count({ where: { deliveredAt: null } })) === 0,
    );
    expect(told.toSorted()).toEqual((await stored()).map((one) => one.id).toSorted());
  });

  it('keeps what a channel could not deliver, and the others with it are delivered', async () => {
    await notify(orderCancelled(newId()));
    deliver(async ({ audience }) => {
      if (audience === 'CUSTOMER') throw new Error('mailbox full');
    });
    await until('the other', () =>
      db.database.notification.count({ where: { audience: 'RESTAURANT', deliveredAt: { not: null } } }),
    );
    expect(await db.database.notification.findFirst({ where: { audience: 'CUSTOMER' } })).toMatchObject({
      deliveredAt: null,
      leasedUntil: expect.any(Date),
    });
  });
});
