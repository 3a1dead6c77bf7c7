import { Webhook } from 'standardwebhooks';
import { eventTypes } from '../../shared/events/contracts';
import { newId } from '../../shared/ids';
import { anEvent } from '../../shared/testing/events';
import { handle } from '../../shared/testing/handle';
import { until } from '../../shared/testing/until';
import { orderStory } from '../testing/order-story';
import { answering, verify } from '../testing/receivers';
import { handlers, openWebhookBench, QUICK } from '../testing/webhook-bench';
import type { MailData } from '../mail/mail-data';
import { renderMail } from '../mail/render-mail';
import { waitOf } from './judge-reply';
import { openPost } from './post';
import { sampleEvent } from './sample-event';

const bench = openWebhookBench();
const typesTo = async (webhookId: string) => (await bench.deliveries(webhookId)).map((row) => row.eventType);

describe('an event', () => {
  it('is sent as it was published, signed as the standard has it', async () => {
    const receiver = await bench.receiver();
    const { id, secret } = await bench.add(receiver.url);
    const { placed } = orderStory(bench.restaurantId);
    await bench.arrive(placed);
    bench.deliver();
    await bench.settled();
    const [got, ...more] = receiver.got;
    expect(more).toEqual([]);
    expect(verify(secret, got!)).toEqual(placed);
    expect(got!.headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': placed.id });
    expect(() =>
      new Webhook('whsec_' + Buffer.alloc(32).toString('base64')).verify(got!.body, got!.headers as never),
    ).toThrow('No matching signature found');
    expect(() => verify(secret, { ...got!, body: got!.body.replace('INR', 'USD') })).toThrow(
      'No matching signature found',
    );
    const [row] = await bench.deliveries(id);
    expect(row).toMatchObject({ status: 'SENT', attempts: 1, orderId: placed.subject });
    expect(await bench.attempts(row!.id)).toMatchObject([{ detail: { status: 200, answer: '' } }]);
  });

  it('is signed with every secret that is good', async () => {
    const receiver = await bench.receiver();
    const { id, secret } = await bench.add(receiver.url);
    const make = (expiresAt: Date | null) => {
      const made = {
        id: newId(),
        endpointId: id,
        secret: `whsec_${Buffer.from(newId()).toString('base64')}`,
        expiresAt,
      };
      return bench.db.database.webhookSecret.create({ data: made });
    };
    const [ended, newest] = [await make(new Date(Date.now() - 1_000)), await make(null)];
    await bench.arrive(orderStory(bench.restaurantId).placed);
    bench.deliver();
    await bench.settled();
    const [got] = receiver.got;
    for (const good of [secret, newest.secret]) verify(good, got!);
    expect(() => verify(ended.secret, got!)).toThrow('No matching signature found');
    expect(String(got!.headers['webhook-signature']).split(' ')).toHaveLength(2);
    // The newest comes first.
    verify(newest.secret, {
      ...got!,
      headers: {
        ...got!.headers,
        'webhook-signature': String(got!.headers['webhook-signature']).split(' ')[0],
      },
    });
  });

  it('reaches the endpoints that want it: by type, and by restaurant', async () => {
    const url = 'http://127.0.0.1:1/';
    const all = await bench.add(url);
    const some = await bench.add(url, { eventTypes: ['order.cancelled.v1', 'inventory.adjusted.v1'] });
    const own = await bench.add(url, { restaurantId: bench.restaurantId });
    const paused = await bench.add(url, { paused: true });
    const other = await bench.db.database.restaurant.create({ data: { id: newId(), name: 'Other' } });
    const others = await bench.add(url, { restaurantId: other.id });
    const story = orderStory(bench.restaurantId);
    const adjustment = (menu_item_id: string) =>
      anEvent('inventory.adjusted.v1', menu_item_id, {
        adjustment_id: newId(),
        menu_item_id,
        delta: 1,
        reason: 'found',
        available_qty: 6,
      });
    await bench.arrive(story.placed, story.cancelled, orderStory(newId()).placed);
    await bench.arrive(adjustment(bench.item), adjustment(newId()));
    const [placed, cancelled, adjusted] = ['order.placed.v1', 'order.cancelled.v1', 'inventory.adjusted.v1'];
    expect(await typesTo(all.id)).toEqual([placed, cancelled, placed, adjusted, adjusted]);
    expect(await typesTo(some.id)).toEqual([cancelled, adjusted, adjusted]);
    expect(await typesTo(own.id)).toEqual([placed, cancelled, adjusted]);
    expect(await typesTo(paused.id)).toEqual([]);
    expect(await typesTo(others.id)).toEqual([]);
  });

  it('is recorded once, whatever comes again; two that share an id are two', async () => {
    const receiver = await bench.receiver();
    await bench.add(receiver.url);
    const { placed } = orderStory(bench.restaurantId);
    await bench.arrive(placed);
    await bench.db.database.processedEvent.deleteMany();
    await bench.arrive(placed, { ...placed, source: '/stranger' });
    bench.deliver();
    await bench.settled();
    expect(new Set(receiver.got.map(({ headers }) => headers['webhook-id'])).size).toBe(2);
    expect(receiver.got).toHaveLength(2);
  });
});

describe('the order of an order', () => {
  it('is kept, though its events arrive in reverse', async () => {
    const receiver = await bench.receiver();
    await bench.add(receiver.url);
    const story = orderStory(bench.restaurantId, 4);
    bench.deliver();
    for (const event of [story.delivered, story.outForDelivery, story.preparing]) await bench.arrive(event);
    const { deducted } = story;
    await bench.arrive(deducted); // which has no place in it
    await until('the one without a place', () => receiver.got.length === 1);
    await bench.arrive(story.placed);
    await bench.settled();
    expect(receiver.got.slice(1).map(({ event }) => event.data.order_version)).toEqual([4, 5, 6, 7]);
  });

  it('is kept for an endpoint that wants only some of it', async () => {
    const receiver = await bench.receiver();
    await bench.add(receiver.url, { eventTypes: ['order.placed.v1', 'order.cancelled.v1'] });
    const story = orderStory(bench.restaurantId);
    bench.deliver();
    await bench.arrive(story.cancelled, story.placed);
    await until('the first', () => receiver.got.length === 1);
    await bench.arrive(story.preparing); // which only had to be known
    await bench.settled();
    expect(receiver.got.map(({ event }) => event.type)).toEqual(['order.placed.v1', 'order.cancelled.v1']);
  });

  it('is kept while an earlier one is being tried again, and others of the endpoint go on', async () => {
    const [one, two] = [orderStory(bench.restaurantId), orderStory(bench.restaurantId)];
    let refusals = 3;
    const receiver = await bench.receiver((response, { event }) =>
      answering(event.data.order_id === one.orderId && refusals-- > 0 ? 400 : 200)(
        response,
        undefined as never,
      ),
    );
    await bench.add(receiver.url);
    await bench.arrive(one.placed, one.preparing, one.outForDelivery, two.placed, two.preparing);
    bench.deliver();
    await bench.settled();
    const ofOne = receiver.got.filter(({ event }) => event.data.order_id === one.orderId);
    expect(ofOne.map(({ event }) => event.data.order_version)).toEqual([1, 1, 1, 1, 2, 3]);
    expect(new Set(ofOne.slice(0, 4).map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(ofOne.slice(0, 4).map(({ body }) => body)).size).toBe(1);
  });

  it('is not waited for for ever', async () => {
    const receiver = await bench.receiver();
    await bench.add(receiver.url);
    const story = orderStory(bench.restaurantId);
    await bench.arrive(story.delivered);
    const [held] = await bench.deliveries();
    const wait = held!.nextAttemptAt!.getTime() - Date.now();
    expect([wait > 170_000, wait < 185_000]).toEqual([true, true]);
    await bench.makeDue();
    bench.deliver();
    await bench.settled();
    expect(receiver.got).toHaveLength(1);
  });

  it('is kept by two instances, each with an event that the other waits for', async () => {
    const receiver = await bench.receiver();
    await bench.add(receiver.url);
    const stories = Array.from({ length: 20 }, () => orderStory(bench.restaurantId));
    bench.deliver();
    bench.deliver();
    await Promise.all(
      stories.flatMap(({ placed, preparing, outForDelivery, delivered }) =>
        [delivered, placed, outForDelivery, preparing].map((event) => bench.arrive(event)),
      ),
    );
    await bench.settled();
    expect(receiver.got).toHaveLength(80);
    for (const { orderId } of stories)
      expect(
        receiver.got
          .filter(({ event }) => event.subject === orderId)
          .map(({ event }) => event.data.order_version),
      ).toEqual([1, 2, 3, 4]);
  });
});

describe('an answer', () => {
  it.each([301, 400, 401, 404, 408, 429, 500, 503])(
    'of %i is no success, and the event is sent again',
    async (status) => {
      let refusals = 2;
      const receiver = await bench.receiver((response, got) =>
        answering(refusals-- > 0 ? status : 204, { location: '/elsewhere' }, 'no')(response, got),
      );
      await bench.add(receiver.url);
      await bench.arrive(orderStory(bench.restaurantId).placed);
      bench.deliver();
      await bench.settled();
      const [row] = await bench.deliveries();
      expect(row).toMatchObject({
        status: 'SENT',
        attempts: 3,
        lastError: expect.stringContaining(String(status)),
      });
      const refused = { detail: { status, answer: 'no' } };
      expect(await bench.attempts(row!.id)).toMatchObject([refused, refused, { detail: { status: 204 } }]);
      expect(new Set(receiver.got.map(({ path }) => path))).toEqual(new Set(['/hook']));
    },
  );

  it('that never is good ends in FAILED', async () => {
    const receiver = await bench.receiver(answering(500));
    const { id } = await bench.add(receiver.url);
    await bench.arrive(orderStory(bench.restaurantId).placed);
    bench.deliver({ retryDelays: [5, 5] });
    await bench.settled();
    expect(await bench.deliveries(id)).toMatchObject([
      { status: 'FAILED', attempts: 3, lastError: 'answered 500' },
    ]);
    expect(receiver.got).toHaveLength(3);
  });

  it('that never comes is one, too', async () => {
    const receiver = await bench.receiver(() => undefined);
    await bench.add(receiver.url);
    await bench.arrive(orderStory(bench.restaurantId).placed);
    bench.deliver({ retryDelays: [], post: openPost({ allowPrivate: true, headMs: 1_000 }) });
    await bench.settled();
    const [row] = await bench.deliveries();
    expect(row).toMatchObject({ status: 'FAILED', lastError: 'no answer within 1 s' });
    expect(await bench.attempts(row!.id)).toMatchObject([{ detail: { error: 'no answer within 1 s' } }]);
  });

  it('of 429 or 503 says when to come again', async () => {
    const receiver = await bench.receiver(answering(503, { 'retry-after': '3600' }));
    await bench.add(receiver.url);
    await bench.arrive(orderStory(bench.restaurantId).placed);
    bench.deliver();
    const row = await until('the attempt', async () =>
      (await bench.deliveries()).find(({ lastError }) => lastError),
    );
    expect(row.nextAttemptAt!.getTime()).toBeGreaterThan(Date.now() + 3_500_000);
  });

  it.each([429, 503])(
    'of %i that says when is heeded for all that waits, and nobody else waits',
    async (status) => {
      const limiting = await bench.receiver(answering(status, { 'retry-after': '60' }));
      const other = await bench.receiver();
      await bench.add(limiting.url);
      await bench.add(other.url);
      await bench.arrive(orderStory(bench.restaurantId).placed);
      bench.deliver();
      await until('the attempt', async () => (await bench.deliveries()).some(({ lastError }) => lastError));
      for (let n = 1; n <= 5; n++) await bench.arrive(orderStory(bench.restaurantId).placed);
      await bench.makeDue();
      await until('the others', () => other.got.length === 6);
      expect(limiting.got).toHaveLength(1);
    },
  );

  it('says so in seconds or by a date, and not for ever', () => {
    const now = Date.parse('2026-11-21T08:00:00Z');
    expect(waitOf('120', now)).toBe(120_000);
    expect(waitOf('Sat, 21 Nov 2026 08:01:00 GMT', now)).toBe(60_000);
    for (const nonsense of ['', undefined, 'soon', '-5', 'Sat, 21 Nov 2020 08:01:00 GMT', '1e9x'])
      expect([nonsense, waitOf(nonsense, now)]).toEqual([nonsense, 0]);
    expect(waitOf('99999999999999999999', now)).toBe(86_400_000);
  });

  it('of 410 disables the endpoint at once', async () => {
    const receiver = await bench.receiver(answering(410));
    const { id } = await bench.add(receiver.url);
    const story = orderStory(bench.restaurantId);
    await bench.arrive(story.placed, story.preparing);
    bench.deliver();
    await bench.settled();
    expect(await bench.deliveries(id)).toMatchObject([
      { status: 'FAILED', attempts: 1 },
      { status: 'DROPPED', lastError: 'the webhook is disabled' },
    ]);
    expect(receiver.got).toHaveLength(1);
    expect(await bench.db.database.webhookHealth.findMany()).toMatchObject([
      { endpointId: id, disabledReason: 'GONE' },
    ]);
    await bench.arrive(story.outForDelivery);
    expect(await bench.deliveries(id)).toHaveLength(2);
  });
});

describe('an endpoint that fails', () => {
  const health = () => bench.db.database.webhookHealth.findMany();
  const failedSince = (webhookId: string, ago: string) =>
    bench.db.database.$executeRaw`
      INSERT INTO webhook_health (endpoint_id, failing_since) VALUES (${webhookId}::uuid, now() - ${ago}::interval)
      ON CONFLICT (endpoint_id) DO UPDATE SET failing_since = excluded.failing_since`;
  const existsSince = (webhookId: string, ago: string) =>
    bench.db.database.$executeRaw`
      UPDATE webhook_endpoints SET enabled_at = now() - ${ago}::interval WHERE id = ${webhookId}::uuid`;

  it('for too long is disabled; until then it is not, and one success begins anew', async () => {
    let status = 500;
    const receiver = await bench.receiver((response) => void response.writeHead(status).end());
    const { id } = await bench.add(receiver.url);
    await existsSince(id, '2 hours');
    bench.deliver({ retryDelays: [], disableAfterMs: 3_600_000 });
    const next = async () => {
      await bench.arrive(orderStory(bench.restaurantId).placed);
      await bench.settled();
      return (await health())[0];
    };
    expect(await next()).toMatchObject({ failingSince: expect.any(Date), disabledAt: null });
    await failedSince(id, '59 minutes');
    expect(await next()).toMatchObject({ disabledAt: null });
    status = 200;
    expect(await next()).toMatchObject({ failingSince: null, disabledAt: null });
    status = 500;
    expect(await next()).toMatchObject({ disabledAt: null });
    await failedSince(id, '61 minutes');
    expect(await next()).toMatchObject({ disabledAt: expect.any(Date), disabledReason: 'FAILING' });
  });

  it('and is disabled has its owner told by mail: the restaurant, else the admin', async () => {
    const receiver = await bench.receiver(answering(410));
    await bench.db.database.restaurant.update({
      where: { id: bench.restaurantId },
      data: { email: 'kitchen@example.com', locale: 'de-DE' },
    });
    await bench.add(`${receiver.url}?token=secret`, { restaurantId: bench.restaurantId });
    await bench.add(receiver.url);
    await bench.arrive(orderStory(bench.restaurantId).placed);
    const mails = () =>
      bench.db.database.notification.findMany({ where: { channel: 'EMAIL' }, orderBy: { recipient: 'asc' } });
    bench.deliver({ mails: { admin: 'admin@example.com' } });
    await until('both', async () => (await mails()).length === 2);
    const [toAdmin, toRestaurant] = await mails();
    expect(toAdmin).toMatchObject({
      recipient: 'admin@example.com',
      kind: 'webhook-disabled',
      lane: 'email',
    });
    expect(toRestaurant).toMatchObject({
      recipient: 'kitchen@example.com',
      data: { restaurant: { locale: 'de-DE' }, webhook: { isGone: true } },
    });
    const written = renderMail(toRestaurant!.data as unknown as MailData);
    expect(written.subject).toMatch(/^Webhook abgeschaltet: 127\.0\.0\.1:\d+\/hook$/);
    expect(JSON.stringify(written)).not.toContain('secret');
  });

  it('of a restaurant whose address takes no mail has the admin told', async () => {
    const receiver = await bench.receiver(answering(410));
    await bench.db.database.restaurant.update({
      where: { id: bench.restaurantId },
      data: { email: 'kitchen at example.com' },
    });
    await bench.add(receiver.url, { restaurantId: bench.restaurantId });
    await bench.arrive(orderStory(bench.restaurantId).placed);
    bench.deliver({ mails: { admin: 'admin@example.com' } });
    const mail = await until('the mail', () =>
      bench.db.database.notification.findFirst({ where: { channel: 'EMAIL' } }),
    );
    expect(mail).toMatchObject({ recipient: 'admin@example.com', restaurantId: bench.restaurantId });
  });

  it('and was switched on again begins anew', async () => {
    const receiver = await bench.receiver(answering(500));
    const { id } = await bench.add(receiver.url);
    await failedSince(id, '2 hours');
    await bench.db.database.webhookHealth.update({
      where: { endpointId: id },
      data: { disabledAt: new Date(Date.now() - 1_000), disabledReason: 'FAILING' },
    });
    await bench.db.database.$executeRaw`UPDATE webhook_endpoints SET enabled_at = now()`;
    await bench.arrive(orderStory(bench.restaurantId).placed);
    bench.deliver({ retryDelays: [], disableAfterMs: 3_600_000 });
    await bench.settled();
    const [row] = await health();
    expect(row!.failingSince!.getTime()).toBeGreaterThan(Date.now() - 60_000);
    const { enabledAt } = await bench.db.database.webhookEndpoint.findFirstOrThrow();
    expect(row!.disabledAt!.getTime()).toBeLessThan(enabledAt.getTime());
  });

  it('is not judged by what was sent before it was changed', async () => {
    const { id } = await bench.add('http://127.0.0.1:1/');
    const receiver = await bench.receiver((response) => {
      void bench.db.database.webhookEndpoint
        .update({ where: { id }, data: { enabledAt: new Date(), url: 'http://127.0.0.1:1/' } })
        .then(() => response.writeHead(410).end());
    });
    await bench.db.database.webhookEndpoint.update({ where: { id }, data: { url: receiver.url } });
    await bench.arrive(orderStory(bench.restaurantId).placed);
    bench.deliver();
    await bench.settled();
    expect((await health()).map(({ disabledAt }) => disabledAt)).toEqual([null]);
  });

  it('and is removed meanwhile harms nobody', async () => {
    const { id } = await bench.add('http://127.0.0.1:1/');
    const receiver = await bench.receiver((response) => {
      void bench.db.database.webhookEndpoint
        .delete({ where: { id } })
        .then(() => response.writeHead(410).end());
    });
    const other = await bench.add(receiver.url);
    await bench.db.database.webhookEndpoint.update({ where: { id }, data: { url: receiver.url } });
    const story = orderStory(bench.restaurantId);
    await bench.arrive(story.placed, story.preparing);
    await bench.db.database.notification.deleteMany({ where: { recipient: other.id } });
    bench.deliver();
    await bench.settled();
    expect(await bench.deliveries(id)).toMatchObject([
      { status: 'FAILED' },
      { status: 'DROPPED', lastError: 'the webhook was removed' },
    ]);
    expect(await health()).toEqual([]);
  });
});

describe('fifty endpoints', () => {
  it('of which one is dead and one hangs: the others get everything at once', async () => {
    const receiver = await bench.receiver();
    const dead = await bench.add('http://127.0.0.1:1/');
    const hanging = await bench.receiver(() => undefined);
    const slow = await bench.add(hanging.url);
    const good = await Promise.all(Array.from({ length: 48 }, (_, n) => bench.add(`${receiver.url}?${n}`)));
    await bench.arrive(...Array.from({ length: 5 }, () => orderStory(bench.restaurantId).placed));
    bench.deliver({ retryDelays: Array(50).fill(20) as number[] });
    await until('all to the good ones', () => receiver.got.length === 48 * 5, 60_000);
    for (const [n] of good.entries())
      expect(receiver.got.filter(({ path }) => path === `/hook?${n}`)).toHaveLength(5);
    expect((await bench.deliveries(dead.id)).some(({ status }) => status === 'SENT')).toBe(false);
    expect((await bench.deliveries(slow.id)).every(({ status }) => status === 'PENDING')).toBe(true);
  });
});

it('a thousand endpoints get a batch of events, and of a thousand restaurants the one whose they are', async () => {
  const { database } = bench.db;
  const many = (more: (n: number) => object) =>
    database.webhookEndpoint.createMany({
      data: Array.from({ length: 1_000 }, (_, n) => ({
        id: newId(),
        url: 'http://127.0.0.1:1/',
        ...more(n),
      })),
    });
  const restaurants = Array.from({ length: 1_000 }, newId);
  await database.restaurant.createMany({ data: restaurants.map((id) => ({ id, name: 'One of many' })) });
  await many((n) => ({ restaurantId: restaurants[n] }));
  await handle(
    database,
    'notification-service',
    handlers,
    ...restaurants.slice(0, 20).map((id) => orderStory(id).placed),
  );
  expect(await bench.deliveries()).toHaveLength(20);
  await many(() => ({}));
  await handle(
    database,
    'notification-service',
    handlers,
    ...Array.from({ length: 3 }, () => orderStory(newId()).placed),
  );
  expect(await bench.deliveries()).toHaveLength(20 + 3 * 1_000);
});

describe('what order-api asks for', () => {
  const ask = (endpointId: string, kind: string, more: object = {}) =>
    bench.db.database.webhookRequest.create({ data: { id: newId(), endpointId, kind, ...more } });
  const none = () =>
    until('nothing more', async () => (await bench.db.database.webhookRequest.count()) === 0);

  it('a test is sent once, marked as one, and says nothing of how the endpoint fares', async () => {
    const receiver = await bench.receiver(answering(410));
    const { id, secret } = await bench.add(receiver.url, { restaurantId: bench.restaurantId, paused: true });
    const asked = await ask(id, 'TEST', { eventType: 'order.placed.v1' });
    bench.deliver();
    await none();
    await bench.settled();
    expect(receiver.got).toHaveLength(1);
    expect(verify(secret, receiver.got[0]!)).toMatchObject({
      type: 'order.placed.v1',
      test: true,
      data: { restaurant_id: bench.restaurantId },
    });
    expect(await bench.deliveries(id)).toMatchObject([{ id: asked.id, kind: 'TEST', status: 'FAILED' }]);
    expect(await bench.db.database.webhookHealth.count()).toBe(0);
  });

  it('a sample there is of every type', () => {
    for (const type of eventTypes) expect(sampleEvent(type, null)).toMatchObject({ type, test: true });
  });

  it('a delivery is sent again, by the same id, whatever became of it', async () => {
    const receiver = await bench.receiver();
    const { id } = await bench.add(receiver.url);
    await bench.arrive(orderStory(bench.restaurantId).placed);
    bench.deliver();
    await bench.settled();
    const [row] = await bench.deliveries(id);
    await ask(id, 'RESEND', { deliveryId: row!.id });
    await until('it to be there twice', () => receiver.got.length === 2);
    await bench.settled();
    const [first, second] = receiver.got;
    expect([second!.body, second!.headers['webhook-id']]).toEqual([
      first!.body,
      first!.headers['webhook-id'],
    ]);
    expect(await bench.attempts(row!.id)).toHaveLength(2);
  });

  it('what failed, and what was missed while it was off, is sent again in order, and nothing else', async () => {
    let status = 400;
    const receiver = await bench.receiver((response) => void response.writeHead(status).end());
    const { id } = await bench.add(receiver.url, { restaurantId: bench.restaurantId });
    const story = orderStory(bench.restaurantId);
    const publish = async (...events: (typeof story.placed)[]) => {
      for (const event of events)
        await bench.db.database.eventLog.create({
          data: {
            eventId: event.id,
            type: event.type,
            subject: event.subject,
            correlationId: event.correlationid,
            body: event as never,
            createdAt: new Date(event.time),
          },
        });
      await bench.arrive(...events);
    };
    bench.deliver({ retryDelays: [] });
    await publish(story.placed); // fails
    await bench.settled();
    const pause = (paused: boolean) =>
      bench.db.database.webhookEndpoint.update({ where: { id }, data: { paused } });
    await pause(true);
    const others = orderStory(newId());
    await publish(story.preparing, story.deducted, others.placed); // are missed
    await pause(false);
    status = 200;
    await publish(story.outForDelivery); // is sent
    await bench.settled();
    const before = receiver.got.length;
    await ask(id, 'RECOVER', { since: new Date(Date.now() - 60_000) });
    await none();
    await bench.settled();
    const again = receiver.got.slice(before).map(({ event }) => event.type);
    expect(again.filter((type) => type.startsWith('order.'))).toEqual([
      'order.placed.v1',
      'order.status.preparing.v1',
    ]);
    expect(again).toHaveLength(3);
    await ask(id, 'RECOVER', { since: new Date(Date.now() - 60_000) });
    await none();
    await bench.settled();
    expect(receiver.got).toHaveLength(before + 3);
  });

  it('of two things, one that cannot be done does not keep the other waiting', async () => {
    const receiver = await bench.receiver();
    const { id } = await bench.add(receiver.url);
    await ask(id, 'TEST', { eventType: 'no.such.v1' });
    await ask(id, 'TEST', { eventType: 'order.placed.v1' });
    bench.deliver({ retryDelays: QUICK });
    await until('the good one', () => receiver.got.length === 1);
  });

  it('what cannot be done is left alone for a while, and then tried again', async () => {
    const { id } = await bench.add('http://127.0.0.1:9/');
    const asked = await ask(id, 'TEST', { eventType: 'no.such.v1' });
    await bench.workAll(); // ends, as nothing is left to do
    const where = { id: asked.id };
    const left = await bench.db.database.webhookRequest.findUniqueOrThrow({ where });
    expect(left.notBefore.getTime()).toBeGreaterThan(asked.notBefore.getTime() + 25_000);
    expect(left.requestedAt).toEqual(asked.requestedAt);
    await bench.db.database.webhookRequest.update({
      where,
      data: { notBefore: asked.notBefore, eventType: 'order.placed.v1' },
    });
    await bench.workAll();
    await none();
  });
});
