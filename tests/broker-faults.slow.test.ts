import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { startMesh, type Mesh } from '../shared/testing/mesh';
import { names, openConsumerBench, SERVICE, soldOut, trace } from '../shared/testing/consumer-bench';
import { until } from '../shared/testing/until';
import { startOwnBroker, type OwnBroker } from './own-broker';
import { expectAllPrepared, keepOrdering } from './keep-ordering';

// An alarm is the whole broker's. It reads nothing more of connections that publish, and delivers as before:
// https://www.rabbitmq.com/docs/alarms

let broker: OwnBroker;
beforeAll(async () => {
  broker = await startOwnBroker();
});
afterAll(() => broker?.stop());

const alarms = {
  memory: { raise: ['set_vm_memory_high_watermark', '0'], end: ['set_vm_memory_high_watermark', '0.4'] },
  disk: { raise: ['set_disk_free_limit', `${2 ** 50}`], end: ['set_disk_free_limit', '50000000'] },
};
type Alarm = keyof typeof alarms;
let raised: Alarm | undefined;
async function raise(alarm: Alarm): Promise<void> {
  raised = alarm;
  await broker.control(...alarms[alarm].raise);
}
async function end(): Promise<void> {
  if (raised) await broker.control(...alarms[raised].end);
  raised = undefined;
}
afterEach(end); // before what is stopped here, which would wait for it
/** Without an alarm, a confirm is given up earlier, and what was to be confirmed is sent again. */
const LONGER_THAN_A_CONFIRM_MS = 16_000;

describe('a consumer, while the broker is in alarm', () => {
  const bench = openConsumerBench(() => broker.urls);
  const messages = (queue: string) =>
    bench.broker.manage<{ messages: number; messages_unacknowledged: number }>(
      'GET',
      `/api/queues/{vhost}/${queue}`,
    );
  const processed = () => bench.db.database.processedEvent.count({ where: { consumer: SERVICE } });
  beforeEach(async () => {
    await bench.db.database.processedEvent.deleteMany();
    await (await bench.start(trace)).stop(); // its queue is there now
  });
  const letters = async () => {
    const all: { body: string; reason: unknown }[] = [];
    for (;;) {
      const letter = await bench.broker.channel.get(names.deadLetterQueue, { noAck: true });
      if (!letter) return all;
      all.push({ body: letter.content.toString(), reason: letter.properties.headers?.['x-reason'] });
    }
  };

  it('what is in its queue is handled, and a poison message waits for the end', async () => {
    const events = Array.from({ length: 100 }, soldOut);
    bench.publish(...events.slice(0, 50), Buffer.from('poison'), ...events.slice(50));
    await until('all to be in the queue', async () => (await messages(SERVICE)).messages === 101);
    await raise('memory');
    const consumer = await bench.start(trace);
    await until('the good ones to be handled', async () => (await processed()) === 100, 5_000);
    await until('them to be acknowledged', async () => {
      const queue = await messages(SERVICE);
      return queue.messages === 1 && queue.messages_unacknowledged === 1;
    });
    expect(consumer.notReadyBecause()).toBeUndefined(); // it gets its work done
    expect(consumer.inHand()).toBe(1);
    expect(await letters()).toEqual([]);
    await end();
    await until('the poison to be set aside', () => consumer.inHand() === 0);
    expect(await letters()).toEqual([{ body: 'poison', reason: 'invalid_json' }]);
    expect(await bench.broker.isEmpty(SERVICE)).toBe(true);
    for (const event of events) expect(await bench.traces(event)).toBe(1);
  });

  it('more poison than it can hold does not keep the good ones waiting, and none is lost', async () => {
    const events = Array.from({ length: 20 }, soldOut);
    const poison = Array.from({ length: 100 }, (_, n) => `poison ${n}`); // as many as are sent ahead
    bench.publish(...poison.map((text) => Buffer.from(text)), ...events);
    await until('all to be in the queue', async () => (await messages(SERVICE)).messages === 120);
    await raise('disk');
    const consumer = await bench.start(trace);
    await until('the good ones to be handled', async () => (await processed()) === 20, 5_000);
    expect(consumer.isReady()).toBe(true);
    await end();
    const found = new Set<string>();
    await until('every poison to be a dead letter', async () => {
      for (const { body } of await letters()) found.add(body);
      return found.size === poison.length && consumer.inHand() === 0;
    });
    expect(await bench.broker.isEmpty(SERVICE)).toBe(true);
  });
});

describe('a queue that has lost its leader for good', () => {
  const bench = openConsumerBench(() => broker.urls);

  it('is named with what to do, and is as before when that is done', async () => {
    const consumer = await bench.start(trace);
    // From here on it knows that its queue is empty, and asks it no more.
    await until('it to have caught up', async () => {
      const [found] = await bench.db.database.$queryRaw<{ caught_up: boolean }[]>`
        SELECT caught_up_at > 'epoch' AS caught_up FROM consumer_progress WHERE consumer = ${SERVICE}`;
      return found?.caught_up === true;
    });
    const { pathname } = new URL(bench.broker.url);
    const vhost = decodeURIComponent(pathname.slice(1)) || '/';
    await broker.control(
      'eval',
      `{ok, Queue} = rabbit_amqqueue:lookup({resource, <<"${vhost}">>, queue, <<"${SERVICE}">>}),
       {Name, _} = amqqueue:get_pid(Queue), ra:force_delete_server(quorum_queues, {Name, node()}).`,
    );
    await until(
      'it to say so',
      () => consumer.notReadyBecause()?.includes('A queue without a leader') === true,
      60_000,
    );
    await bench.broker.manage('DELETE', `/api/queues/{vhost}/${SERVICE}`);
    await until('it to be ready', () => consumer.isReady(), 60_000);
    const event = soldOut();
    bench.publish(event);
    await until('an event to be handled', async () => (await bench.traces(event)) === 1);
  });
});

describe('the mesh', () => {
  let mesh: Mesh;
  beforeAll(async () => {
    mesh = await startMesh({ broker: broker.urls });
  });
  afterAll(() => mesh?.stop());

  it('in an alarm accepts orders, and publishes and sets aside once each when it is over, however long it lasts', async () => {
    const { restaurantId, itemId } = await mesh.addItem(100);
    const { channel } = mesh.broker;
    const seen: string[] = [];
    await channel.assertQueue('observer', { durable: true });
    await channel.bindQueue('observer', EVENTS_EXCHANGE, 'order.placed.v1');
    const see = (id: unknown) => void seen.push(String(id));
    await channel.consume('observer', (message) => see(message?.properties.messageId), { noAck: true });
    const orders = [await mesh.place(restaurantId, itemId)];
    await mesh.reaches(orders[0]!, 'PREPARING');
    const { pid } = mesh.service('inventory-service');
    process.kill(pid, 'SIGSTOP'); // so that it has this one in the alarm
    channel.sendToQueue('inventory-service', Buffer.from('poison'), { persistent: true });
    await raise('memory');
    const raisedAt = Date.now();
    process.kill(pid, 'SIGCONT');
    for (let n = 0; n < 30; n++) orders.push(await mesh.place(restaurantId, itemId));
    const ready = async (name: string) => (await fetch(`${mesh.service(name).url}/readyz`)).status;
    await until('the relay to say so', async () => (await ready('outbox-publisher')) === 503);
    const said = new Set<string>();
    await until('the alarm to have lasted', async () => {
      said.add(`relay ${await ready('outbox-publisher')}, consumer ${await ready('inventory-service')}`);
      return Date.now() - raisedAt > LONGER_THAN_A_CONFIRM_MS;
    });
    expect([...said]).toEqual(['relay 503, consumer 200']); // all the time
    expect(await mesh.db.database.outboxEvent.count({ where: { type: 'order.placed.v1' } })).toBe(30);
    expect(await mesh.broker.isEmpty('inventory-service.dlq')).toBe(true);
    await end();
    await until('the relay to be ready', async () => (await ready('outbox-publisher')) === 200);
    await until('all to be seen', () => new Set(seen).size === orders.length);
    expect(seen).toHaveLength(orders.length);
    const letter = await mesh.broker.take('inventory-service.dlq');
    expect(letter.properties.headers).toMatchObject({ 'x-reason': 'invalid_json' });
    await expectAllPrepared(mesh, orders, itemId, 100); // and there is no other dead letter
  });

  it('goes on when RabbitMQ is killed and started again', async () => {
    const { restaurantId, itemId } = await mesh.addItem(1000);
    const orders = keepOrdering(mesh, restaurantId, itemId, 150);
    await until('some orders', () => orders.accepted.length > 50);
    await broker.crash();
    const during = keepOrdering(mesh, restaurantId, itemId, 30);
    await during.done;
    await broker.startAgain();
    await mesh.broker.reconnect();
    await orders.done;
    await expectAllPrepared(mesh, [...orders.accepted, ...during.accepted], itemId, 1000);
  });
});
