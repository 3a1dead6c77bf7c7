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
const start = (environment: Record<string, string> = {}) =>
  startService(`tests/${SERVICE}`, { DATABASE_URL: db.url, RABBITMQ_URL: broker.url, ...environment });
const publish = (one: Event) =>
  broker.channel.publish(EVENTS_EXCHANGE, one.type, Buffer.from(JSON.stringify(one)), { persistent: true });
const event = (name: string): Event => {
  const menu_item_id = newId();
  const data = { menu_item_id, restaurant_id: newId(), name, available_qty: 0, low_stock_threshold: 1 };
  return anEvent('inventory.out_of_stock.v1', menu_item_id, data);
};

it('a message that kills its process again and again ends in the dead-letter queue, alone', async () => {
  await (await start()).stop(); // its queue is there now
  const deadly = event('deadly');
  const neighbours = Array.from({ length: 20 }, () => event('harmless'));
  for (const one of [...neighbours.slice(0, 10), deadly, ...neighbours.slice(10)]) publish(one);
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

it('a handler that never ends fails liveness, and the process ends itself; the message comes again, alone', async () => {
  const process = await start({ HANDLER_LIMIT: '1s' });
  const endless = event('endless');
  publish(endless);
  const health = async (path: string) => {
    const response = await fetch(`${process.url}${path}`);
    return `${response.status} ${await response.text()}`;
  };
  const said = new RegExp(
    `^503 .*"reason":"a handler has not ended for \\d+ s, with event ${endless.id} in hand"`,
  );
  await until('liveness to fail', async () => said.test(await health('/healthz')));
  expect(await health('/readyz').catch(() => '503 it has ended by now')).toMatch(/^503/);
  await until('it to end', () =>
    health('/healthz').then(
      () => false,
      () => true,
    ),
  );
  expect(await process.stop()).toBe(70);
  expect(process.log.at(-1)).toMatchObject({ level: 'fatal', event_ids: [endless.id], limit_ms: 1_000 });
  const next = await start();
  await until('it to be under suspicion', () =>
    db.database.crashSuspect.count({ where: { eventId: endless.id } }),
  );
  await next.kill();
  await broker.channel.purgeQueue(SERVICE);
});

it('a service that is stopped with a handler that never ends tells its workers at once, and exits 0', async () => {
  const process = await start();
  publish(event('endless'));
  await until('the event to be in hand', async () =>
    /^ordermesh_consumer_unacknowledged\{.*\} 1$/m.test(await (await fetch(`${process.url}/metrics`)).text()),
  );
  expect(await process.stop()).toBe(0);
  const said = process.log.map(({ msg }) => msg);
  expect(said).toContain('its worker is told to stop');
  const gaveUp = said.indexOf('stopping although work is still in progress');
  expect(said.indexOf('its worker is told to stop')).toBeLessThan(gaveUp);
});
