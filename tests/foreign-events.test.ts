import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { newId } from '../shared/ids';
import { startMesh, type Mesh } from '../shared/testing/mesh';
import { until } from '../shared/testing/until';

// What other producers send, over a real broker, by a client that has nothing of ours.
const SERVICE = 'notification-service';
const TYPE = 'inventory.out_of_stock.v1';
let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh({ services: [SERVICE] });
});
afterAll(() => (mesh as Mesh | undefined)?.stop());

const data = () => ({
  menu_item_id: newId(),
  restaurant_id: newId(),
  name: 'Dal',
  available_qty: 0,
  low_stock_threshold: 1,
});
const event = (more: object = {}) => ({
  specversion: '1.0',
  id: newId(),
  source: '/pos',
  type: TYPE,
  data: data(),
  ...more,
});
const publish = (body: unknown, properties: object = {}) =>
  mesh.broker.channel.publish(EVENTS_EXCHANGE, TYPE, Buffer.from(JSON.stringify(body)), properties);
const told = (itemId: string) =>
  until(
    `a notification about ${itemId}`,
    async () => (await mesh.db.database.notification.count({ where: { menuItemId: itemId } })) > 0,
  );

it('takes CloudEvents as others send them', async () => {
  const odd = [
    event({ time: '2026-11-25t08:30:00z', subject: null, causationid: null, dataschema: null }),
    event({ datacontenttype: 'application/json; charset=utf-8', correlationid: 7, priority: true }),
    event({ id: 'no UUID at all' }),
  ];
  for (const one of odd) publish(one, { contentType: 'application/cloudevents+json; charset=utf-8' });
  const binary = data();
  publish(binary, {
    contentType: 'application/json; charset=utf-8',
    headers: {
      'cloudEvents:specversion': '1.0',
      'cloudEvents:id': 'binary-1',
      'cloudEvents:source': '/pos',
      'cloudEvents:type': TYPE,
      'cloudEvents:time': '2026-11-25T08:30:00Z',
    },
  });
  for (const one of [...odd.map((each) => each.data), binary]) await told(one.menu_item_id);
  expect(await mesh.broker.isEmpty(`${SERVICE}.dlq`)).toBe(true);
});

it('handles one id of two sources as two events, and each of them once', async () => {
  const id = newId();
  const [a, b] = [event({ id, source: '/a' }), event({ id, source: '/b' })];
  for (const one of [a, b, a, b]) publish(one);
  await told(a.data.menu_item_id);
  await told(b.data.menu_item_id);
  const last = event();
  publish(last);
  await told(last.data.menu_item_id); // the repeated ones came before it
  const rows = await mesh.db.database.processedEvent.findMany({ where: { eventId: id } });
  expect(rows.map((row) => row.source).sort()).toEqual(['/a', '/b']);
  expect(await mesh.db.database.notification.count({ where: { eventId: id } })).toBe(2);
});

it('names what it does not read', async () => {
  publish([event()], { contentType: 'application/cloudevents-batch+json' });
  const letter = await mesh.broker.take(`${SERVICE}.dlq`);
  expect(letter.properties.headers).toMatchObject({
    'x-reason': 'unsupported_content',
    'x-error': expect.stringContaining('batch') as string,
  });
});
