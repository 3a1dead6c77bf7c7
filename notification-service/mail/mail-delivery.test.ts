import { newId } from '../../shared/ids';
import { until } from '../../shared/testing/until';
import { openDeliveryBench } from '../testing/deliveries';
import { startOddServer, startSmtpSink, type SmtpSink } from '../testing/smtp-sink';
import type { NewNotification } from '../delivery/record-notifications';
import { mailChannel, type MailSettings } from './mail-channel';
import type { MailKind } from './mail-kinds';
import { openMailPools } from './mail-pools';
import { plainText } from './plain-text';
import { sampleMails } from './sample-mails';

const bench = openDeliveryBench();
let sink: SmtpSink;
let cleanUps: (() => unknown)[] = [];
beforeEach(async () => {
  sink = await startSmtpSink();
  await bench.db.database.$executeRaw`TRUNCATE mail_opt_outs`;
});
afterEach(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
  cleanUps = [];
  await sink.stop();
});

/** An instance that sends mail; it is stopped before the server is. */
function send(more: Partial<MailSettings> = {}) {
  const channel = mailChannel(bench.db.database, {
    smtpUrl: sink.url,
    from: { name: 'Coastal Shop', address: 'orders@shop.example' },
    optOutUrl: async (address, kind) => `https://api.shop.example/unsubscribe/${kind}-of-${address.length}`,
    retryDelays: [20, 20, 20],
    ...more,
  });
  const stop = bench.deliver({ EMAIL: channel });
  cleanUps.push(() => channel.close?.(), stop);
}
const aMail = (
  kind: MailKind = 'preparing',
  more: Partial<NewNotification> = {},
): Partial<NewNotification> => ({
  kind,
  orderId: newId(),
  data: sampleMails('en')[kind].data as unknown as NewNotification['data'],
  ...more,
});
const rows = () => bench.stored();

it('sends text and HTML with what mail clients go by', async () => {
  await bench.record(aMail('delivered'));
  send();
  await bench.settled();
  const [row] = await rows();
  const [{ mail, from, to }] = sink.received as [SmtpSink['received'][0]];
  expect([from, to]).toEqual(['orders@shop.example', ['maya@example.com']]);
  expect(mail.from?.text).toBe('"Coastal Shop" <orders@shop.example>');
  expect(mail.replyTo?.text).toBe('"Coastal Kitchen" <kitchen@example.com>');
  expect(mail.subject).toBe('Your order was delivered: Coastal Kitchen');
  expect(mail.messageId).toBe(`<${row!.id}@shop.example>`);
  expect(mail.references).toBe(`<${row!.orderId}@shop.example>`);
  expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
  const header = (name: string) => mail.headerLines.find(({ key }) => key === name)?.line;
  expect(header('list-unsubscribe')?.replace(/\s+/g, ' ')).toBe(
    'List-Unsubscribe: <https://api.shop.example/unsubscribe/delivered-of-16>',
  );
  expect(header('list-unsubscribe-post')).toBe('List-Unsubscribe-Post: List-Unsubscribe=One-Click');
  expect(mail.text).toContain('Enjoy it.');
  expect(mail.html).toContain('Enjoy it.');
});

it('offers no opt-out of mails about money and cancellations, and sends them whatever somebody has opted out of', async () => {
  await bench.db.database.mailOptOut.create({ data: { address: 'maya@example.com', kind: '*' } });
  await bench.record(aMail('cancelled'), aMail('payment-failed'), aMail('refunded'), aMail('preparing'));
  send();
  await bench.settled();
  expect(sink.received).toHaveLength(3);
  for (const { raw } of sink.received) expect(raw).not.toMatch(/list-unsubscribe|unsubscribe\//i);
  expect((await rows())[3]).toMatchObject({
    status: 'DROPPED',
    lastError: expect.stringContaining('opted out'),
  });
});

it('heeds an opt-out of one kind, however the address is written', async () => {
  await bench.db.database.mailOptOut.create({ data: { address: 'maya@example.com', kind: 'preparing' } });
  await bench.record(
    aMail('preparing', { recipient: 'Maya@Example.COM' }),
    aMail('delivered', { recipient: 'Maya@Example.COM' }),
    aMail('preparing', { recipient: 'other@example.com' }),
  );
  send();
  await bench.settled();
  expect((await rows()).map(({ status }) => status)).toEqual(['DROPPED', 'SENT', 'SENT']);
});

it.each([
  ['550', [550], [], 'FAILED', 1],
  ['421 and then takes it', [421], [], 'SENT', 2],
  ['451 and then takes it', [451], [], 'SENT', 2],
  ['451 each time', [451, 451, 451, 451], [], 'FAILED', 4],
  ['554 once it has the message', [], [554], 'FAILED', 1],
  ['452 once it has the message, and then takes it', [], [452], 'SENT', 2],
  ['by dropping the connection at the recipient, and then takes it', ['drop'], [], 'SENT', 2],
  ['by dropping the connection at the message, and then takes it', [], ['drop'], 'SENT', 2],
] as const)('copes with a server that answers %s', async (_, recipients, messages, status, attempts) => {
  sink.recipients.push(...recipients);
  sink.messages.push(...messages);
  await bench.record(aMail());
  send();
  await bench.settled();
  expect(await rows()).toMatchObject([{ status, attempts }]);
  expect(sink.received).toHaveLength(status === 'SENT' ? 1 : 0);
});

it.each(['MAIL', 'RCPT', 'DATA'])(
  'tries again what is answered with something else than SMTP at %s',
  async (at) => {
    const odd = await startOddServer((socket) => {
      socket.write('220 mail.example\r\n');
      socket.on('data', (line: Buffer) =>
        socket.write(line.toString().startsWith(at) ? 'what?\r\n' : '250 ok\r\n'),
      );
    });
    await bench.record(aMail());
    send({ smtpUrl: odd.url });
    await bench.settled();
    cleanUps.push(odd.stop);
    expect(await rows()).toMatchObject([
      { status: 'FAILED', attempts: 4, lastError: expect.stringMatching(/what\?/) },
    ]);
  },
);

it('waits for a server that accepts late, and sends it once', async () => {
  sink.messages.push('late');
  await bench.record(aMail());
  send();
  await until('it to have arrived', () => sink.received.length === 1);
  await bench.record(aMail('delivered', { recipient: 'other@example.com' }));
  await until('the other', () => sink.received.length === 2);
  expect((await rows())[0]).toMatchObject({ status: 'PENDING', attempts: 1 });
  sink.accept();
  await bench.settled();
  expect(sink.received).toHaveLength(2);
  expect((await rows()).map(({ attempts }) => attempts)).toEqual([1, 1]);
});

it('gives up a server that greets never, one that hangs up, one that speaks something else, and one that is not there', async () => {
  const silent = await startOddServer(() => undefined);
  const closed = await startOddServer((socket) => socket.destroy());
  const other = await startOddServer((socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  cleanUps.push(silent.stop, closed.stop, other.stop);
  const gone = await startSmtpSink();
  await gone.stop();
  const errors: string[] = [];
  for (const { url } of [silent, closed, other, gone]) {
    await bench.db.database.notification.deleteMany();
    await bench.record(aMail());
    send({ smtpUrl: url, retryDelays: [], timeouts: { greetingTimeout: 150, connectionTimeout: 500 } });
    await bench.settled();
    errors.push((await rows())[0]!.lastError!);
    for (const cleanUp of cleanUps.splice(3).reverse()) await cleanUp();
  }
  expect(errors).toEqual([
    expect.stringMatching(/greeting/i),
    expect.stringMatching(/closed/i),
    expect.stringMatching(/greeting/i),
    expect.stringMatching(/ECONNREFUSED/),
  ]);
});

it('is tried again when the server is back, and spends few attempts on it while it is away', async () => {
  const port = Number(new URL(sink.url).port);
  await sink.stop();
  await bench.record(...Array.from({ length: 30 }, () => aMail()));
  send({ retryDelays: Array.from({ length: 9 }, () => 50) });
  await until(
    'several to have been tried',
    async () => (await rows()).filter(({ attempts }) => attempts > 0).length > 2,
  );
  sink = await startSmtpSink(port);
  await bench.settled();
  expect(sink.received).toHaveLength(30);
  expect((await rows()).every(({ status }) => status === 'SENT')).toBe(true);
  const attempts = (await rows()).reduce((sum, row) => sum + row.attempts, 0);
  expect(attempts).toBeLessThan(60);
});

it('sends each once, though two instances share the work', async () => {
  await bench.record(...Array.from({ length: 40 }, () => aMail()));
  send();
  send();
  await bench.settled();
  const ids = sink.received.map(({ mail }) => mail.messageId);
  expect(new Set(ids).size).toBe(40);
  expect(ids).toHaveLength(40);
});

it('lets nobody add a header, a recipient or markup', async () => {
  const evil =
    'Dal"\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script>\u202e=?utf-8?q?=0ABcc:_evil=40example.com?= ';
  const data = sampleMails('en').cancelled.data;
  const long = 'ž'.repeat(10_000);
  const written = {
    ...data,
    restaurant: {
      ...data.restaurant,
      name: plainText(evil + long),
      email: 'a@b.example\r\nBcc: evil@example.com',
    },
    note: plainText(long, 300),
    items: [{ name: plainText(evil), quantity: 1, price: '1.00' }],
    order: { ...data.order!, reference: plainText(evil) },
  };
  await bench.record(aMail('cancelled', { data: written as unknown as NewNotification['data'] }));
  await bench.record(
    ...[
      'a@b.example\r\nBcc: evil@example.com',
      'a@b.example, evil@example.com',
      'Evil <evil@example.com>',
      '',
    ].map((recipient) => aMail('preparing', { recipient })),
  );
  send();
  await bench.settled();
  expect((await rows()).map(({ status }) => status)).toEqual([
    'SENT',
    'DROPPED',
    'DROPPED',
    'DROPPED',
    'DROPPED',
  ]);
  const [{ mail, to, raw }] = sink.received as [SmtpSink['received'][0]];
  expect(sink.received).toHaveLength(1);
  expect(to).toEqual(['maya@example.com']);
  const [head = ''] = raw.split('\r\n\r\n');
  expect(head).not.toMatch(/^bcc:/im);
  for (const line of raw.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
  expect(mail.headers.has('bcc')).toBe(false);
  expect(mail.subject).toMatch(/^Your order was cancelled: Dal" Bcc: evil@example.com <script>/);
  expect(mail.html).not.toContain('<script>');
  expect(mail.replyTo).toBeUndefined();
  expect(Buffer.byteLength(raw)).toBeLessThan(20_000);
});

it('uses no connection again that may have been forgotten on the way, and cuts none off that is in use', async () => {
  let now = 0;
  const pools = openMailPools({ url: sink.url, pool: true, maxConnections: 1 }, 60_000, () => now);
  cleanUps.push(() => pools.close());
  const message = { from: 'orders@shop.example', to: 'maya@example.com', text: 'Enjoy it.' };
  await pools.send(message);
  now += 60_000;
  await pools.send(message);
  expect(sink.connections).toBe(1);

  now += 1;
  sink.messages = ['late'];
  const late = pools.send(message);
  await until('another connection', () => sink.connections === 2);
  now += 60_001;
  await pools.send(message); // while the one before is under way
  expect(sink.connections).toBe(3);
  sink.accept();
  await late;
  expect(sink.received).toHaveLength(4);
});
