import { createHmac } from 'node:crypto';
import { judgeTold } from './judge-told';
import { judgeWebhooks, type Delivered, type LoggedEvent, type RecordedDelivery } from './judge-webhooks';
import { isSigned, type HookArrival } from './webhook-receiver';

const types = ['order.placed.v1', 'order.status.preparing.v1', 'order.cancelled.v1'];
const log: LoggedEvent[] = types.map((type, at) => ({
  id: `e${at + 1}`,
  type,
  subject: 'o',
  version: at + 1,
  restaurant_id: 'r',
}));
const record = (event_id: string, more: Partial<RecordedDelivery> = {}): RecordedDelivery => ({
  event_id,
  status: 'SENT',
  attempts: 1,
  last_error: null,
  held: false,
  created_at: 0,
  ...more,
});
const arrival = (eventId: string, more: Partial<HookArrival> = {}): HookArrival => ({
  endpoint: 'shop',
  webhookId: eventId,
  eventId,
  signed: true,
  taken: true,
  at: 0,
  ...more,
});
const refused = (eventId: string) => arrival(eventId, { taken: false });
const tried = (event_id: string, attempts = 2) => record(event_id, { attempts, last_error: 'answered 500' });
const given = (more: Partial<Delivered> = {}): Delivered => ({
  endpoint: { id: 'w', name: 'shop', restaurantId: null, types },
  log,
  deliveries: [record('e1'), record('e2'), record('e3')],
  arrivals: [arrival('e1'), arrival('e2'), arrival('e3')],
  mostAttempts: 21,
  ...more,
});
const restaurants = { id: 'w', name: 'restaurant', restaurantId: 'r', types: [] };
const another: LoggedEvent = { ...log[0]!, id: 'x', subject: 'p', restaurant_id: 's' };

test('all in order, for the shop and for a restaurant, is in order', () => {
  expect(judgeWebhooks(given())).toEqual([]);
  expect(judgeWebhooks(given({ endpoint: restaurants, log: [...log, another] }))).toEqual([]);
});

test('what was refused is sent again before the next, and what a crash has taken back may come late', () => {
  const deliveries = [record('e1', { attempts: 2 }), tried('e2', 3), record('e3')];
  const arrivals = [arrival('e1'), refused('e2'), refused('e2'), arrival('e2'), arrival('e1'), arrival('e3')];
  expect(judgeWebhooks(given({ deliveries, arrivals }))).toEqual([]);
});

test('what was given up keeps nothing from what follows, nor does what does not come for three minutes', () => {
  const givenUp = [record('e1'), record('e2', { status: 'FAILED', attempts: 21 }), record('e3')];
  expect(
    judgeWebhooks(given({ deliveries: givenUp, arrivals: [arrival('e1'), refused('e2'), arrival('e3')] })),
  ).toEqual([]);
  const heldOut = [record('e1'), record('e2'), record('e3', { held: true })];
  const late = (at: number) => [arrival('e1'), arrival('e3', { at }), arrival('e2', { at: 200_000 })];
  expect(judgeWebhooks(given({ deliveries: heldOut, arrivals: late(181_000) }))).toEqual([]);
  expect(judgeWebhooks(given({ deliveries: heldOut, arrivals: late(9_000) }))).toHaveLength(1);
});

test.each<[string, Partial<Delivered>, string]>([
  ['missing', { arrivals: [arrival('e1'), arrival('e2')] }, 'as sent, and never took it'],
  ['never taken', { arrivals: [arrival('e1'), arrival('e2'), refused('e3')] }, 'as sent, and never took it'],
  ['not recorded', { deliveries: [record('e1'), record('e3')] }, 'has no delivery of order.status.preparing'],
  [
    'recorded twice',
    { deliveries: [...given().deliveries, record('e2')] },
    'has 2 deliveries of event e2 on record',
  ],
  [
    'doubled under another id',
    { arrivals: [...given().arrivals, arrival('e3', { webhookId: 'other' })] },
    'got event e3 under the id other',
  ],
  ['sent again for no reason', { arrivals: [...given().arrivals, arrival('e3')] }, '2 times in 1 attempts'],
  [
    'out of order',
    { arrivals: [arrival('e1'), arrival('e3'), arrival('e2')] },
    'got version 3 of order o before it had taken version 2',
  ],
  [
    'sent before the one before it was taken',
    {
      deliveries: [record('e1'), tried('e2'), record('e3')],
      arrivals: [arrival('e1'), refused('e2'), arrival('e3'), arrival('e2')],
    },
    'got version 3 of order o before it had taken version 2',
  ],
  [
    'wrongly signed',
    { arrivals: [arrival('e1', { signed: false }), arrival('e2'), arrival('e3')] },
    'e1 with a signature that is not good',
  ],
  [
    "another restaurant's",
    { endpoint: restaurants, log: [...log, another], arrivals: [...given().arrivals, arrival('x')] },
    'of restaurant s, which is none of its own',
  ],
  [
    'not asked for',
    { endpoint: { ...given().endpoint, types: types.slice(0, 2) } },
    'got order.cancelled.v1',
  ],
  ["nobody's", { arrivals: [...given().arrivals, arrival('x')] }, 'got event x, which nobody has published'],
  ...['FAILED', 'DROPPED', 'PENDING'].map((status): [string, Partial<Delivered>, string] => [
    status,
    { deliveries: [record('e1'), record('e2'), record('e3', { status, attempts: 3 })] },
    `as ${status}`,
  ]),
])('what was %s is found', (_, wrong, what) => {
  expect(judgeWebhooks(given(wrong)).join('; ')).toContain(what);
});

test('a step without its event, or with two, is found; a draft that nobody placed has none', () => {
  const step = (status: string, version: number) => ({ status, version });
  const history = [step('DRAFT', 1), step('PLACED', 2), step('CANCELLED', 3)];
  const events = [
    { type: 'order.placed.v1', version: 2 },
    { type: 'order.cancelled.v1', version: 3 },
  ];
  expect(judgeTold({ id: 'o', history, events })).toEqual([]);
  expect(judgeTold({ id: 'o', history: [step('DRAFT', 1), step('CANCELLED', 2)], events: [] })).toEqual([]);
  for (const told of [events.slice(1), [...events, events[1]!]])
    expect(judgeTold({ id: 'o', history, events: told })).toHaveLength(1);
});

test('a signature is good by the secret and the body that it was made with alone', () => {
  const [secret, other] = [7, 8].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`);
  const now = String(Math.floor(Date.now() / 1_000));
  const key = Buffer.alloc(32, 7);
  const headers = {
    'webhook-id': 'e1',
    'webhook-timestamp': now,
    'webhook-signature': `v1,${createHmac('sha256', key).update(`e1.${now}.{"id":"e1"}`).digest('base64')}`,
  };
  expect(isSigned(secret, '{"id":"e1"}', { headers })).toBe(true);
  expect(isSigned(other, '{"id":"e1"}', { headers })).toBe(false);
  expect(isSigned(secret, '{"id":"e2"}', { headers })).toBe(false);
  expect(isSigned(undefined, '{"id":"e1"}', { headers })).toBe(false);
});
