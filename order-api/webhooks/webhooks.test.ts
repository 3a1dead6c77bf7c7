import { pino } from 'pino';
import { newId } from '../../shared/ids';
import { eventTypes } from '../../shared/events/contracts';
import { createLogger } from '../../shared/service/logger';
import { giveAttempt, giveDelivery } from '../testing/test-deliveries';
import { serve } from '../testing/test-api';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([5]);
const URL = 'https://shop.example/hook';
const ofShop = '/webhooks';
const ofRestaurant = () => `/restaurants/${shop.restaurantId}/webhooks`;
const add = async (path = ofShop, more: object = {}) =>
  (await shop.api.post(path, { url: URL, ...more })).body;
const requests = (webhookId: string) =>
  shop.api.database.webhookRequest.findMany({ where: { endpointId: webhookId } });
const secretsOf = async (webhookId: string) =>
  shop.api.database.webhookSecret.findMany({
    where: { endpointId: webhookId },
    orderBy: { createdAt: 'desc' },
  });
// By PostgreSQL's clock, as the product does: a millisecond of ours may be before the one in which it was added.
const disable = (webhookId: string) => shop.api.database.$executeRaw`
  INSERT INTO webhook_health (endpoint_id, failing_since, disabled_at, disabled_reason)
  VALUES (${webhookId}::uuid, now(), now(), 'FAILING')`;

describe.each([
  ['the shop', () => ofShop],
  ['a restaurant', ofRestaurant],
])('a webhook of %s', (_whose, pathOf) => {
  it('is added, and its secret is shown once', async () => {
    const added = await shop.api.post(pathOf(), {
      url: 'HTTPS://Shop.Example/hook?a=b',
      event_types: ['order.placed.v1', 'order.cancelled.v1', 'order.placed.v1'],
    });
    expect(added).toMatchObject({
      status: 201,
      headers: { location: `/api/v1${pathOf()}/${added.body.webhook_id}` },
      body: {
        url: 'https://shop.example/hook?a=b',
        event_types: ['order.cancelled.v1', 'order.placed.v1'],
        status: 'ENABLED',
        restaurant_id: pathOf() === ofShop ? null : shop.restaurantId,
      },
    });
    expect(Buffer.from(added.body.secret.replace(/^whsec_/, ''), 'base64')).toHaveLength(32);
    const { secret, ...shown } = added.body;
    expect((await shop.api.get(`${pathOf()}/${added.body.webhook_id}`)).body).toEqual(shown);
    const list = await shop.api.get(`${pathOf()}?limit=200`);
    expect(list.body.webhooks).toContainEqual(shown);
    expect(list.text).not.toContain(secret);
  });

  it('is sent all events where none are named', async () => {
    expect((await add(pathOf())).event_types).toEqual([...eventTypes].sort());
  });

  it('is changed, paused, switched on and removed', async () => {
    const { webhook_id } = await add(pathOf(), { event_types: ['order.placed.v1'] });
    const path = `${pathOf()}/${webhook_id}`;
    expect((await shop.api.patch(path, { paused: true })).body).toMatchObject({
      status: 'PAUSED',
      paused: true,
    });
    expect(
      (await shop.api.patch(path, { url: 'http://other.example/', event_types: null })).body,
    ).toMatchObject({
      status: 'PAUSED',
      url: 'http://other.example/',
      event_types: { length: eventTypes.length },
    });
    expect((await shop.api.patch(path, { paused: false })).body).toMatchObject({ status: 'ENABLED' });
    expect(await shop.api.call('DELETE', path)).toMatchObject({ status: 204, text: '' });
    for (const [method, more, json] of [
      ['GET', ''],
      ['DELETE', ''],
      ['PATCH', '', { paused: true }],
      ['POST', '/test'],
      ['POST', '/rotate'],
      ['POST', '/recover', { since: '2026-11-21T00:00:00Z' }],
      ['GET', '/deliveries'],
    ] as const)
      expect([method, more, (await shop.api.call(method, path + more, { json })).status]).toEqual([
        method,
        more,
        404,
      ]);
    expect(await secretsOf(webhook_id)).toEqual([]);
  });

  it('is listed page by page', async () => {
    const added = [await add(pathOf()), await add(pathOf()), await add(pathOf())].map(
      (one) => one.webhook_id,
    );
    const found: string[] = [];
    for (let cursor = ''; ;) {
      const { body } = await shop.api.get(`${pathOf()}?limit=2${cursor}`);
      found.push(...body.webhooks.map((one: { webhook_id: string }) => one.webhook_id));
      if (body.next_cursor === null) break;
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(found.slice(-3)).toEqual(added);
  });
});

it('of a restaurant is none of the shop, and none of another restaurant', async () => {
  const { webhook_id } = await add(ofRestaurant());
  const other = await shop.api.post('/inventory/add/restaurant', { name: 'Other' });
  for (const path of [ofShop, `/restaurants/${other.body.restaurant_id}/webhooks`])
    expect((await shop.api.call('DELETE', `${path}/${webhook_id}`)).status).toBe(404);
  expect((await shop.api.get(`/restaurants/${newId()}/webhooks`)).status).toBe(404);
  expect((await shop.api.post(`/restaurants/${newId()}/webhooks`, { url: URL })).status).toBe(404);
});

describe('an address', () => {
  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://localhost:3000/hook',
    'https://LOCALHOST./',
    'https://db.internal/',
    'http://10.0.0.1/',
    'http://192.168.1.1:8080/x',
    'http://169.254.169.254/latest/meta-data',
    'http://100.100.100.200/',
    'http://168.63.129.16/',
    'http://0.0.0.0/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a00:1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[fd00:ec2::254]/',
    'http://[fe80::1]/',
  ])('%s is none that others reach', async (url) => {
    const { webhook_id } = await add();
    const before = await shop.api.snapshot();
    const refused = {
      status: 422,
      body: {
        errors: [{ pointer: '#/url', detail: expect.stringMatching(/^must be a public address; \S+ /) }],
      },
    };
    expect(await shop.api.post(ofShop, { url })).toMatchObject(refused);
    expect(await shop.api.patch(`${ofShop}/${webhook_id}`, { url })).toMatchObject(refused);
    expect(await shop.api.snapshot()).toEqual(before);
  });

  it.each([
    'ftp://shop.example/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'shop.example/hook',
    '//shop.example/hook',
    'https://',
    'https:///hook',
    'https://asha:secret@shop.example/',
    'https://shop.example/#a',
    'https://shop.example/a b',
    'https://shop.example\\@10.0.0.1/',
    'https://shop.example/\r\nX-Injected: 1',
    'https://münchen.example/',
    'https://shop.example:0/',
    `https://shop.example/${'x'.repeat(2_048)}`,
    'https://1.2.3.999/',
  ])('%s is not good', async (url) => {
    expect(await shop.api.post(ofShop, { url })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '#/url', detail: expect.stringMatching(/^must /) }] },
    });
  });

  it('of this machine may be, where that is allowed', async () => {
    const api = await serve(shop.api.database, { allowPrivateWebhooks: true });
    const { status, body } = await api.post(ofShop, { url: 'http://127.0.0.1:3000/hook' });
    expect([status, body.url]).toEqual([201, 'http://127.0.0.1:3000/hook']);
    await api.stop();
  });
});

it('names every field that is not good', async () => {
  const body = { url: 'ftp://x', event_types: ['order.placed.v1', 'order.placed.v9', 7], secret: 'mine' };
  const reply = await shop.api.post(ofShop, body);
  expect(reply.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
    '#/event_types/1',
    '#/event_types/2',
    '#/secret',
    '#/url',
  ]);
  expect(await shop.api.post(ofShop, { url: URL, event_types: [] })).toMatchObject({ status: 422 });
  const { webhook_id } = await add();
  expect(await shop.api.patch(`${ofShop}/${webhook_id}`, {})).toMatchObject({ status: 422 });
});

it('has no more than it may have', async () => {
  const other = (await shop.api.post('/inventory/add/restaurant', { name: 'Other' })).body.restaurant_id;
  await shop.api.database.webhookEndpoint.createMany({
    data: Array.from({ length: 1_000 }, () => ({ id: newId(), restaurantId: other, url: URL })),
  });
  expect(await shop.api.post(`/restaurants/${other}/webhooks`, { url: URL })).toMatchObject({
    status: 409,
    body: { type: 'urn:ordermesh:problem:too-many-webhooks' },
  });
});

describe('a secret', () => {
  it('is replaced, and the one before is good for the overlap', async () => {
    const { webhook_id, secret } = await add();
    const path = `${ofShop}/${webhook_id}/rotate`;
    const second = await shop.api.post(path);
    expect(Date.parse(second.body.previous_until)).toBeGreaterThan(Date.now() + 86_000_000);
    const third = await shop.api.post(path, { overlap_seconds: 60 });
    expect(await secretsOf(webhook_id)).toMatchObject([
      { secret: third.body.secret, expiresAt: null },
      { secret: second.body.secret, expiresAt: new Date(third.body.previous_until) },
      { secret, expiresAt: new Date(third.body.previous_until) },
    ]);
    const last = await shop.api.post(path, { overlap_seconds: 0 });
    expect(last.body.previous_until).toBeNull();
    const [newest, ...before] = await secretsOf(webhook_id);
    expect(newest).toMatchObject({ secret: last.body.secret, expiresAt: null });
    for (const { expiresAt } of before) expect(expiresAt!.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('replaced again and again leaves few that are good, and at once leaves one that is newest', async () => {
    const { webhook_id } = await add();
    await Promise.all(Array.from({ length: 12 }, () => shop.api.post(`${ofShop}/${webhook_id}/rotate`)));
    const all = await secretsOf(webhook_id);
    expect(all.filter(({ expiresAt }) => expiresAt === null)).toHaveLength(1);
    const good = all.filter(({ expiresAt }) => !expiresAt || expiresAt.getTime() > Date.now());
    expect(good).toHaveLength(5);
  });

  it('is in no log', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const api = await serve(shop.api.database, { log });
    const { body } = await api.post(ofShop, { url: `${URL}?token=hidden-in-url` });
    const rotated = await api.post(`${ofShop}/${body.webhook_id}/rotate`);
    await api.stop();
    expect(lines.length).toBeGreaterThan(1);
    for (const secret of [body.secret, rotated.body.secret, 'hidden-in-url'])
      expect(lines.join()).not.toContain(secret);
    expect(createLogger('test', 'silent')).toBeDefined();
  });
});

describe('what is to be sent', () => {
  it('as a test is asked for, also where it is paused or disabled', async () => {
    const { webhook_id } = await add(ofShop, { event_types: ['payment.refunded.v1'] });
    await disable(webhook_id);
    await shop.api.patch(`${ofShop}/${webhook_id}`, { paused: true });
    const first = await shop.api.post(`${ofShop}/${webhook_id}/test`);
    const second = await shop.api.post(`${ofShop}/${webhook_id}/test`, { event_type: 'order.placed.v1' });
    expect([first.status, first.body.event_type, second.body.event_type]).toEqual([
      202,
      'payment.refunded.v1',
      'order.placed.v1',
    ]);
    expect(await requests(webhook_id)).toMatchObject([
      { id: first.body.delivery_id, kind: 'TEST', eventType: 'payment.refunded.v1' },
      { id: second.body.delivery_id, kind: 'TEST' },
    ]);
    expect((await shop.api.post(`${ofShop}/${webhook_id}/test`, { event_type: 'nonsense' })).status).toBe(
      422,
    );
  });

  it('again is asked for, a delivery or all since a moment', async () => {
    const { webhook_id, created_at } = await add();
    const delivery = await giveDelivery(shop.api.database, webhook_id);
    const path = `${ofShop}/${webhook_id}`;
    expect(await shop.api.post(`${path}/deliveries/${delivery}/resend`)).toMatchObject({
      status: 202,
      body: { delivery_id: delivery },
    });
    const recovery = await shop.api.post(`${path}/recover`, { since: '2026-11-21T08:30:00+05:30' });
    expect(recovery).toMatchObject({ status: 202, body: { since: created_at } }); // from before there is nothing
    expect(await requests(webhook_id)).toMatchObject([
      { kind: 'RESEND', deliveryId: delivery },
      { kind: 'RECOVER', since: new Date(created_at) },
    ]);
    const future = new Date(Date.now() + 60_000).toISOString();
    for (const since of [future, '2026-02-30T00:00:00Z', 'yesterday', 0, null])
      expect((await shop.api.post(`${path}/recover`, { since })).status).toBe(422);
  });

  it("is nothing of another webhook's", async () => {
    const [one, two] = [await add(), await add()];
    const delivery = await giveDelivery(shop.api.database, one.webhook_id);
    expect((await shop.api.post(`${ofShop}/${two.webhook_id}/deliveries/${delivery}/resend`)).status).toBe(
      404,
    );
    expect((await shop.api.get(`${ofShop}/${two.webhook_id}/deliveries`)).body.deliveries).toEqual([]);
  });

  it('is nothing while it is paused or disabled', async () => {
    const [paused, disabled] = [await add(), await add()];
    await shop.api.patch(`${ofShop}/${paused.webhook_id}`, { paused: true });
    await disable(disabled.webhook_id);
    for (const { webhook_id } of [paused, disabled]) {
      const delivery = await giveDelivery(shop.api.database, webhook_id);
      const path = `${ofShop}/${webhook_id}`;
      for (const reply of [
        await shop.api.post(`${path}/recover`, { since: '2026-11-21T00:00:00Z' }),
        await shop.api.post(`${path}/deliveries/${delivery}/resend`),
      ])
        expect(reply).toMatchObject({ status: 409, body: { type: 'urn:ordermesh:problem:webhook-off' } });
      expect(await requests(webhook_id)).toEqual([]);
    }
  });
});

describe('a webhook that was disabled', () => {
  it('says so, and is on again when it is switched on or gets another address', async () => {
    for (const change of [{ paused: false }, { url: 'https://other.example/' }]) {
      const { webhook_id } = await add();
      await disable(webhook_id);
      const path = `${ofShop}/${webhook_id}`;
      expect((await shop.api.get(path)).body).toMatchObject({
        status: 'DISABLED',
        disabled_reason: 'FAILING',
        disabled_at: expect.any(String),
        failing_since: expect.any(String),
      });
      expect((await shop.api.patch(path, { url: URL })).body.status).toBe('DISABLED'); // the same one
      expect((await shop.api.patch(path, change)).body).toMatchObject({
        status: 'ENABLED',
        disabled_reason: null,
        disabled_at: null,
        failing_since: null,
      });
    }
  });
});

describe('deliveries', () => {
  it('are shown with their attempts, newest first, page by page', async () => {
    const { webhook_id } = await add();
    const [one, two, three] = [
      await giveDelivery(shop.api.database, webhook_id),
      await giveDelivery(shop.api.database, webhook_id, { status: 'FAILED', last_error: 'answered 500' }),
      await giveDelivery(shop.api.database, webhook_id, { kind: 'TEST' }),
    ];
    await giveAttempt(shop.api.database, one, { error: 'its name is not known' }, 5);
    await giveAttempt(shop.api.database, one, { status: 204, answer: '' }, 31);
    const path = `${ofShop}/${webhook_id}/deliveries`;
    const { body } = await shop.api.get(path);
    expect(body).toMatchObject({
      next_cursor: null,
      deliveries: [
        { delivery_id: three, test: true, attempts: [] },
        { delivery_id: two, status: 'FAILED', reason: 'answered 500' },
        {
          delivery_id: one,
          test: false,
          status: 'SENT',
          reason: null,
          attempts: [
            { status: null, error: 'its name is not known', answer: null, latency_ms: 5 },
            { status: 204, error: null, answer: '', latency_ms: 31 },
          ],
        },
      ],
    });
    const first = await shop.api.get(`${path}?limit=2`);
    const second = await shop.api.get(`${path}?limit=2&cursor=${first.body.next_cursor}`);
    expect([...first.body.deliveries, ...second.body.deliveries]).toEqual(body.deliveries);
    expect((await shop.api.get(`${path}?status=FAILED`)).body.deliveries).toMatchObject([
      { delivery_id: two },
    ]);
    expect((await shop.api.get(`${path}?status=LOST`)).status).toBe(400);
    expect((await shop.api.get(`${path}?status=SENT&cursor=${first.body.next_cursor}`)).status).toBe(400);
  });
});
