import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newId } from '../../shared/ids';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { aNotification } from '../../notification-service/testing/deliveries';
import {
  recordNotifications,
  type NewNotification,
} from '../../notification-service/delivery/record-notifications';
import { readNotificationsArguments } from './arguments';
import { runNotifications } from './run-notifications';

let db: TestDatabase;
beforeAll(async () => void (db = await createTestDatabase()));
afterAll(() => db.drop());
beforeEach(() => db.database.$executeRaw`TRUNCATE notifications, notification_attempts, mail_opt_outs`);

async function run(...args: string[]) {
  const [printed, told] = [[] as string[], [] as string[]];
  const print = (text: string) => void printed.push(text);
  const say = (text: string) => void told.push(text);
  const code = await runNotifications({ args, databaseUrl: () => db.url, print, say });
  return { code, printed: printed.join('\n'), told: told.join('\n') };
}

const record = (...notifications: Partial<NewNotification>[]) =>
  db.database.$transaction((tx) => recordNotifications(tx, notifications.map(aNotification)));
const stored = () => db.database.notification.findMany({ orderBy: { id: 'asc' } });
const fail = (id: string) =>
  db.database.notification.update({
    where: { id },
    data: { status: 'FAILED', attempts: 9, lastError: '550 no such\u001b[2J user', nextAttemptAt: null },
  });

it.each([
  [[], 'Say what to do'],
  [['show'], 'show needs the id of a notification.'],
  [['show', '7'], '"7" is not the id of a notification'],
  [['retry'], 'either ids'],
  [['retry', newId(), '--failed'], 'either ids'],
  [['list', 'everything'], '"everything" is not understood'],
  [['list', '--channel', 'pigeon'], 'not one of log, email'],
  [['list', '--limit', '0'], '--limit'],
  [['show', newId(), '--since', '1h'], '--since goes with list and retry, not with show.'],
  [['opt-out', 'nobody'], '"nobody" is not a mail address.'],
  [['opt-out', 'a@b.example', 'refunded'], 'is not a kind that can be opted out of'],
])('%j is refused: %s', (args, message) => {
  expect(() => readNotificationsArguments(args)).toThrow(message);
});

it('lists what is asked for, the latest first, those of the log only when asked', async () => {
  const orderId = newId();
  await record(
    { kind: 'accepted', orderId },
    { channel: 'SLACK' },
    { kind: 'delivered', recipient: 'Other@example.com' },
  );
  await db.database.notificationBatch.create({ data: { id: newId(), deliveredAt: new Date() } });
  const [batch] = await db.database.notificationBatch.findMany();
  const log = { eventId: newId(), eventType: 'order.placed.v1', correlationId: 'c', batchId: batch!.id };
  await db.database.notification.create({
    data: { id: newId(), audience: 'CUSTOMER', title: 'Hello', text: 't', orderId, ...log },
  });
  const kinds = async (...args: string[]) =>
    (await run('list', '--json', ...args)).printed
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { kind: string; status: string; channel: string })
      .map(({ kind, status, channel }) => `${channel} ${kind} ${status}`);
  expect(await kinds()).toEqual(['EMAIL delivered PENDING', 'SLACK null PENDING', 'EMAIL accepted PENDING']);
  expect(await kinds('--order', orderId)).toEqual(['LOG Hello SENT', 'EMAIL accepted PENDING']);
  expect(await kinds('--channel', 'log', '--status', 'sent')).toEqual(['LOG Hello SENT']);
  expect(await kinds('--recipient', 'other@EXAMPLE.com')).toEqual(['EMAIL delivered PENDING']);
  expect(await kinds('--limit', '1')).toHaveLength(1);
  expect(await kinds('--status', 'failed,dropped')).toEqual([]);
  expect((await run('list')).printed).toMatch(
    /^NOTIFICATION[^]*email +pending +delivered +Other@example.com/,
  );
});

it('shows one with its attempts, and nothing that moves a cursor', async () => {
  await record({});
  const id = (await stored())[0]!.id;
  await fail(id);
  const attempt = {
    attempt: 1,
    attemptedAt: new Date(),
    latencyMs: 12,
    outcome: 'FAILED',
    detail: { status: 500 },
  };
  await db.database.notificationAttempt.create({ data: { notificationId: id, ...attempt } });
  const { code, printed } = await run('show', id.toUpperCase());
  expect(code).toBe(0);
  expect(printed).toMatch(/last_error +550 no such\\u001b\[2J user/);
  expect(printed).toMatch(/attempt .*"latency_ms":12.*"detail":{"status":500}/);
  expect(await run('show', newId())).toMatchObject({ code: 1, told: expect.stringContaining('There is no') });
});

it('sends again what failed, with what goes out with it, and nothing else', async () => {
  await record({}, { gatherKey: 'x' }, { gatherKey: 'x' }, { channel: 'SLACK' }, {});
  const ids = (await stored()).map(({ id }) => id) as [string, string, string, string, string];
  for (const id of ids.slice(0, 4)) await fail(id);
  expect(await run('retry', ids[1], ids[4])).toMatchObject({
    code: 1,
    told: expect.stringContaining(ids[4]),
  });
  expect((await stored()).map(({ status }) => status)).toEqual([
    'FAILED',
    'PENDING',
    'GATHERED',
    'FAILED',
    'PENDING',
  ]);
  expect((await stored())[1]).toMatchObject({ attempts: 0, nextAttemptAt: expect.any(Date) });
  expect((await run('retry', '--failed', '--channel', 'slack')).told).toBe('1 will be sent again.');
  expect((await run('retry', '--failed', '--since', '1h')).told).toBe('1 will be sent again.');
  expect((await run('retry', '--failed')).told).toBe('0 will be sent again.');
});

it('keeps who does not want which kind, however the address is written', async () => {
  await run('opt-out', 'Maya@Example.com', 'preparing');
  await run('opt-out', 'maya@example.com', 'preparing');
  await run('opt-out', 'maya@example.com');
  expect((await run('opt-outs', 'MAYA@example.com')).printed).toMatch(/^every kind[^]*preparing {2}since/);
  expect((await run('opt-in', 'maya@EXAMPLE.com', 'delivered')).told).toContain('is sent them again');
  expect((await run('opt-outs', 'maya@example.com')).printed).toMatch(/^preparing/);
  await run('opt-in', 'maya@example.com');
  expect((await run('opt-outs', 'maya@example.com')).printed).toContain('opted out of nothing');
  expect((await run('opt-in', 'maya@example.com')).told).toContain('had not opted out');
});

it('writes a preview of every mail', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mails-'));
  expect((await run('preview', '--to', folder)).told).toMatch(/^18 mails in /);
  expect(readdirSync(folder)).toHaveLength(36);
  expect(readFileSync(path.join(folder, 'mail-cancelled-de.txt'), 'utf8')).toMatch(
    /^Subject: Ihre Bestellung wurde/,
  );
});
