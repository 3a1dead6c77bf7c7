import { startSmtpSink, type SmtpSink } from '../notification-service/testing/smtp-sink';
import { startMesh, type Mesh } from '../shared/testing/mesh';
import { until } from '../shared/testing/until';

// What reaches people, through the whole mesh and a real mail server.

let mesh: Mesh;
let sink: SmtpSink;
let restaurantId: string;
beforeAll(async () => {
  sink = await startSmtpSink();
  mesh = await startMesh({
    ownLogins: true,
    environment: {
      SMTP_URL: sink.url,
      MAIL_FROM: 'Shop <orders@shop.example>',
      PUBLIC_API_URL: 'https://api.shop.example/',
      STOCK_MAIL_WINDOW: '1500ms',
    },
  });
  const restaurant = {
    name: 'Zur Linde <b>',
    currency: 'EUR',
    locale: 'de-DE',
    time_zone: 'Europe/Berlin',
    email: 'Linde@example.com',
  };
  const { body } = await mesh.ask<{ restaurant_id: string }>('POST', '/inventory/add/restaurant', restaurant);
  restaurantId = body.restaurant_id;
}, 60_000);
afterAll(async () => {
  await mesh?.stop();
  await sink?.stop();
});

async function addItem(name: string, available_qty: number): Promise<string> {
  const item = { name, price: '12.50', available_qty, low_stock_threshold: 5 };
  const { body } = await mesh.ask<{ menu_item_id: string }>(
    'POST',
    `/inventory/add/${restaurantId}/item`,
    item,
  );
  return body.menu_item_id;
}

async function place(email: string, items: [string, number][], token?: string): Promise<string> {
  const { body } = await mesh.ask<{ order_id: string }>('POST', '/orders', {
    restaurant_id: restaurantId,
    items: items.map(([menu_item_id, quantity]) => ({ menu_item_id, quantity })),
    email,
    payment: token ? { method: 'CARD', token } : undefined,
  });
  return body.order_id;
}

const move = (id: string, status: string) => mesh.ask('PATCH', `/orders/${id}/status`, { status });
const mailsTo = (address: string) => sink.received.filter(({ to }) => to.includes(address));
const subjectsTo = (address: string) => mailsTo(address).map(({ mail }) => mail.subject?.split(':')[0]);
const nothingWaits = () =>
  until('every mail to be settled', async () => {
    const waiting = { status: { in: ['PENDING', 'GATHERED'] } };
    return (await mesh.db.database.notification.count({ where: waiting })) === 0;
  });

it("tells an order's life in its order, in the restaurant's language and money", async () => {
  const dish = await addItem('Käsespätzle', 100);
  const id = await place('maya@example.com', [[dish, 2]], 'tok_approved');
  await mesh.reaches(id, 'PREPARING');
  await until('that it is being prepared', () => mailsTo('maya@example.com').length === 2);
  await move(id, 'OUT_FOR_DELIVERY');
  await until('that it is on its way', () => mailsTo('maya@example.com').length === 3);
  await move(id, 'DELIVERED');
  await until('that it is delivered', () => mailsTo('maya@example.com').length === 4);
  await mesh.quiet();
  await nothingWaits();
  expect(subjectsTo('maya@example.com')).toEqual([
    'Ihre Bestellung bei Zur Linde <b> ist eingegangen',
    'Ihre Bestellung wird zubereitet',
    'Ihre Bestellung ist unterwegs',
    'Ihre Bestellung wurde geliefert',
  ]);
  const text = mailsTo('maya@example.com')[0]!.mail.text?.replaceAll('\u00a0', ' ');
  expect(text).toContain('2 × Käsespätzle   25,00 €');
  expect(text).toContain('Sie zahlen mit Karte.');
});

it('says why an order is cancelled and what becomes of the money, and when it is refunded', async () => {
  const dish = await addItem('Apfelstrudel', 100);
  const paid = await place('paid@example.com', [[dish, 1]], 'tok_approved');
  await mesh.reaches(paid, 'PREPARING');
  await until('its payment', async () => {
    const payment = await mesh.db.database.payment.findUnique({ where: { orderId: paid } });
    return payment?.state === 'CAPTURED';
  });
  await mesh.quiet();
  await mesh.ask('POST', `/orders/${paid}/cancel`, { by: 'STAFF', note: 'Der Ofen <i>ist</i> aus' });
  await place('declined@example.com', [[dish, 1]], 'tok_insufficient_funds');
  await place('short@example.com', [[dish, 1_000]]);
  await until('the refund', () => subjectsTo('paid@example.com').includes('Ihr Geld ist auf dem Weg zurück'));
  await until('the others', () =>
    ['declined@example.com', 'short@example.com'].every((address) =>
      subjectsTo(address).includes('Ihre Bestellung wurde storniert'),
    ),
  );
  await nothingWaits();
  const cancelled = (address: string) =>
    mailsTo(address).find(({ mail }) => mail.subject?.startsWith('Ihre Bestellung wurde storniert'))!.mail
      .text;
  expect(cancelled('paid@example.com')).toContain('Das Restaurant schreibt: „Der Ofen <i>ist</i> aus“');
  expect(cancelled('paid@example.com')).toContain('Wir zahlen alles zurück');
  expect(cancelled('short@example.com')).toMatch(
    /Etwas daraus ist ausverkauft\.[^]*Es wurde nichts abgebucht/,
  );
  expect(cancelled('declined@example.com')).toMatch(/Die Zahlung ist nicht gelungen\.[^]*nicht belastet/);
  const order = subjectsTo('declined@example.com');
  expect(order.indexOf('Ihre Zahlung ist nicht gelungen')).toBeGreaterThanOrEqual(0);
  expect(order.indexOf('Ihre Zahlung ist nicht gelungen')).toBeLessThan(order.length - 1);
});

it('tells the restaurant of fifty items that run low at once in one mail', async () => {
  const items = await Promise.all(Array.from({ length: 50 }, (_, n) => addItem(`Gericht ${n}`, 6)));
  await place(
    'hungry@example.com',
    items.map((item) => [item, 1]),
  );
  await until('the mail', () => mailsTo('Linde@example.com').length > 0);
  await mesh.quiet();
  await nothingWaits();
  expect(subjectsTo('Linde@example.com')).toEqual(['Es gehen zur Neige']);
  expect(mailsTo('Linde@example.com')[0]!.mail.text?.match(/Gericht \d+: 5 übrig/g)).toHaveLength(50);
});

it('sends none that its recipient has opted out of by the link in a mail', async () => {
  const dish = await addItem('Brezel', 100);
  const id = await place('quiet@example.com', [[dish, 1]]);
  await until('a mail', () => mailsTo('quiet@example.com').length === 2);
  const preparing = mailsTo('quiet@example.com').find(({ mail }) => mail.subject?.includes('zubereitet'))!;
  const [, path] = /<https:\/\/api\.shop\.example(\/unsubscribe\/[^>]+)>/.exec(
    preparing.mail.headerLines.find(({ key }) => key === 'list-unsubscribe')!.line.replace(/\s/g, ''),
  )!;
  const url = `${mesh.service('order-api').url}${path}`;
  expect(path).not.toContain('quiet');
  const asked = await (await fetch(url)).text();
  expect(asked).toContain('quiet@example.com');
  expect(await mesh.db.database.mailOptOut.count()).toBe(0);
  const form = { method: 'POST', body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }) };
  expect((await fetch(url, form)).status).toBe(200);
  expect((await fetch(`${url}x`, form)).status).toBe(404);
  await place('Quiet@example.com', [[dish, 1]]);
  await move(id, 'OUT_FOR_DELIVERY');
  await until(
    'the others',
    () => mailsTo('Quiet@example.com').length + mailsTo('quiet@example.com').length === 4,
  );
  await mesh.quiet();
  await nothingWaits();
  expect(subjectsTo('Quiet@example.com')).toEqual([expect.stringContaining('ist eingegangen')]);
  expect(await (await fetch(`${url}/undo`, form)).text()).toContain('again');
  expect(await mesh.db.database.mailOptOut.count()).toBe(0);
});

it('sends a mail at most once more when the process is killed between sending and recording', async () => {
  const dish = await addItem('Radi', 100);
  sink.messages.push('late');
  await place('killed@example.com', [[dish, 1]]);
  await until('it to have arrived', () => mailsTo('killed@example.com').length === 1);
  await mesh.service('notification-service').kill();
  await mesh.start('notification-service');
  await mesh.db.database
    .$executeRaw`UPDATE notifications SET next_attempt_at = now() WHERE claim IS NOT NULL`;
  await nothingWaits();
  await mesh.quiet();
  await nothingWaits();
  const ids = mailsTo('killed@example.com')
    .filter(({ mail }) => mail.subject?.includes('eingegangen'))
    .map(({ mail }) => mail.messageId);
  expect(ids).toEqual([ids[0], ids[0]]);
});
