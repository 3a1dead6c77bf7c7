import { runMesh } from './run-mesh';
import { startReceiver, type Receiver } from '../../notification-service/testing/receivers';
import { startSmtpSink, type SmtpSink } from '../../notification-service/testing/smtp-sink';
import { newId } from '../../shared/ids';
import { startMesh, type Mesh } from '../../shared/testing/mesh';
import { until } from '../../shared/testing/until';

// A way in which people are told is paused, at all instances and over kill -9: what is to go out by it waits, and goes out
// once after it; the others go on.

let mesh: Mesh;
let mails: SmtpSink;
let slack: Receiver;
let shop: Receiver;
let restaurantId: string;
let itemId: string;
beforeAll(async () => {
  [mails, slack, shop] = await Promise.all([startSmtpSink(), startReceiver(), startReceiver()]);
  mesh = await startMesh({
    ownLogins: true,
    services: [
      'order-api',
      'outbox-publisher',
      'inventory-service',
      'status-service',
      'notification-service',
    ],
    environment: {
      SMTP_URL: mails.url,
      MAIL_FROM: 'Shop <orders@shop.example>',
      SLACK_WEBHOOK_URL: slack.url,
      WEBHOOK_ALLOW_PRIVATE: 'true',
    },
  });
  await mesh.start('notification-service');
  ({ restaurantId, itemId } = await mesh.addItem(1_000));
  await mesh.ask('POST', `/restaurants/${restaurantId}/webhooks`, { url: shop.url });
}, 90_000);
afterAll(async () => {
  await mesh?.stop();
  await Promise.all([mails, slack, shop].map((one) => one?.stop()));
});

async function command(...args: string[]): Promise<string> {
  const printed: string[] = [];
  await runMesh({
    args,
    databaseUrl: () => mesh.db.url,
    draftDeadlineMs: () => 86_400_000,
    readState: () => () => Promise.reject(new Error('not asked')),
    user: () => 'asha',
    print: (text) => printed.push(text),
    warn: (text) => printed.push(text),
  });
  return printed.join('\n');
}

const notifiers = () => mesh.processes.filter(({ name }) => name === 'notification-service').slice(-2);
/** What both instances say is paused. */
const paused = () =>
  Promise.all(
    notifiers().map(async ({ url }) => {
      const response = await fetch(`${url}/readyz?service=notification-service`);
      const { ready, paused: parts } = (await response.json()) as { ready: boolean; paused?: object[] };
      return { ready, paused: parts ?? [] };
    }),
  );
const bothSay = (parts: object[]) =>
  until(`both to say ${JSON.stringify(parts)}`, async () => {
    const said = await paused();
    if (said.some((one) => one.paused.length !== parts.length)) return false;
    for (const one of said) expect(one).toMatchObject({ ready: true, paused: parts });
    return true;
  });

const addresses = new Map<string, string>();
/** What each channel has brought about an order. */
const TOLD = {
  email: (id: string) => mails.received.filter(({ to }) => to.includes(addresses.get(id)!)).length,
  slack: (id: string) => slack.got.filter(({ body }) => body.includes(id)).length,
  webhook: (id: string) =>
    shop.got.filter(({ event }) => (event as { subject?: string }).subject === id).length,
};
type ChannelName = keyof typeof TOLD;
const channels = Object.keys(TOLD) as ChannelName[];
const toldBy = (names: readonly ChannelName[], id: string) =>
  until(`${names.join(' and ')} to tell of ${id}`, () => names.every((name) => TOLD[name](id) > 0));

async function order(): Promise<string> {
  const items = [{ menu_item_id: itemId, quantity: 1 }];
  const email = `${newId()}@example.com`;
  const body = { restaurant_id: restaurantId, items, email };
  const { order_id: id } = (await mesh.ask<{ order_id: string }>('POST', '/orders', body)).body;
  addresses.set(id, email);
  await mesh.reaches(id, 'PREPARING');
  return id;
}

it.each(channels)(
  '%s',
  async (channel) => {
    const others = channels.filter((one) => one !== channel);
    expect(await command('pause', channel, '--why', 'moving house')).toMatch(
      `${channel} is paused: moving house.`,
    );
    const pause = { part: channel, by: 'asha', why: 'moving house' };
    await bothSay([pause]);
    const first = await order();
    await toldBy(others, first);
    for (const one of notifiers()) await one.kill();
    await mesh.start('notification-service');
    await mesh.start('notification-service');
    await bothSay([pause]);
    const second = await order();
    await toldBy(others, second);
    expect([first, second].map(TOLD[channel])).toEqual([0, 0]);
    const ofBoth = { channel: channel.toUpperCase(), orderId: { in: [first, second] } };
    const waiting = () =>
      mesh.db.database.notification.findMany({
        where: { ...ofBoth, status: { in: ['PENDING', 'GATHERED'] } },
        select: { attempts: true },
      });
    expect((await waiting()).length).toBeGreaterThan(1);
    expect((await waiting()).filter(({ attempts }) => attempts > 0)).toEqual([]);
    expect(await command('resume', channel)).toMatch(`${channel} is resumed; it was paused by asha since `);
    await bothSay([]);
    await toldBy([channel], first);
    await toldBy([channel], second);
    await until('nothing to wait', async () => (await waiting()).length === 0);
    const again = await mesh.db.database.notification.count({
      where: { ...ofBoth, attempts: { gt: 1 } },
    });
    expect(again).toBe(0);
  },
  120_000,
);
