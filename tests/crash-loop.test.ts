import type { GetMessage } from 'amqplib';
import type { Event } from '../shared/events/envelope';
import { newId } from '../shared/ids';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { anEvent } from '../shared/testing/events';
import { startService } from '../shared/testing/service-process';
import { createTestBroker, type TestBroker } from '../shared/testing/test-broker';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { until } from '../shared/testing/until';

let db: TestDatabase;
let broker: TestBroker;
beforeAll(async () => {
  [db, broker] = await Promise.all([createTestDatabase(), createTestBroker()]);
});
afterAll(() => Promise.all([db.drop(), broker.drop()]));

const SERVICE = 'crashing-service';
const start = () => startService(`tests/${SERVICE}`, { DATABASE_URL: db.url, RABBITMQ_URL: broker.url });
const event = (name: string): Event => {
  const menu_item_id = newId();
  const data = { menu_item_id, restaurant_id: newId(), name, available_qty: 0, low_stock_threshold: 1 };
  return anEvent('inventory.out_of_stock.v1', menu_item_id, data);
};

it('a message that kills its process again and again ends in the dead-letter queue, alone', async () => {
  await (await start()).stop(); // its queue is there now
  const deadly = event('deadly');
  const neighbours = Array.from({ length: 20 }, () => event('harmless'));
  for (const one of [...neighbours.slice(0, 10), deadly, ...neighbours.slice(10)]) {
    broker.channel.publish(EVENTS_EXCHANGE, one.type, Buffer.from(JSON.stringify(one)), { persistent: true });
  }
  let letter: GetMessage | false = false;
  let deaths = 0;
  while (!letter && deaths < 10) {
    // It may be dead before it ever says that it is ready.
    const process = await start().catch(() => undefined);
    letter = await until('a dead letter, or its death', async () => {
      const found = await broker.channel.get(`${SERVICE}.dlq`, { noAck: true });
      if (found) return found;
      const dead =
        !process ||
        (await fetch(`${process.url}/healthz`).then(
          () => false,
          () => true,
        ));
      return dead ? 'dead' : undefined;
    }).then((outcome) => (outcome === 'dead' ? false : (outcome as GetMessage)));
    if (!letter) deaths++;
    else {
      await until(
        'all neighbours',
        async () => (await db.database.processedEvent.count()) === neighbours.length,
      );
      expect(await process?.stop()).toBe(0);
    }
  }
  expect(letter && (JSON.parse(letter.content.toString()) as Event).id).toBe(deadly.id);
  expect(letter && letter.properties.headers).toMatchObject({ 'x-reason': 'crashed_consumer' });
  expect(deaths).toBe(4); // once with its neighbours, three times alone
  expect(await broker.isEmpty(`${SERVICE}.dlq`)).toBe(true);
  expect(await broker.isEmpty(SERVICE)).toBe(true);
});
