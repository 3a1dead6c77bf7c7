import { newId } from '../../shared/ids';
import { briefly } from '../../shared/messaging/failure';
import { openCardToken, sealCardToken, withId, type CardTokenKey } from '../../shared/payment/card-token';
import { seedMenu } from '../../shared/testing/seed';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { UsageError } from '../command-line/usage-error';
import { readMeshArguments } from './arguments';
import { findNeeds } from './needs';
import { createOrderCount, readTables } from './read-database';
import { runMesh } from './run-mesh';

describe('the arguments of npm run mesh', () => {
  it('are read', () => {
    expect(readMeshArguments(['why', 'A-17'])).toEqual({ action: 'why', order: 'A-17', json: false });
    expect(readMeshArguments(['why', ' table 4 ', '--json'])).toMatchObject({ order: 'table 4', json: true });
    expect(readMeshArguments(['why', '-h'])).toEqual({ action: 'help' });
    expect(readMeshArguments([])).toEqual({ action: 'show', json: false, watch: false });
    expect(readMeshArguments(['--watch', '--json'])).toMatchObject({ watch: true, json: true });
    expect(readMeshArguments(['pause', 'EMAIL', '--why', ' moving house '])).toEqual({
      action: 'pause',
      part: 'email',
      why: 'moving house',
    });
    expect(readMeshArguments(['resume', 'gateway'])).toEqual({ action: 'resume', part: 'gateway' });
  });

  it.each([
    [
      ['explain', 'x'],
      '"explain" is not understood. Say why, pause or resume, or nothing for the state of all.',
    ],
    [['pause'], 'pause needs the name of a service, "gateway" or a channel.'],
    [
      ['pause', 'gateway', 'maintenance'],
      '"maintenance" is not understood. pause takes one part, and --why "the reason" in quotes.',
    ],
    [['resume', 'a', 'b'], '"b" is not understood. resume takes one part.'],
    [['pause', 'gateway', '--why', 'x'.repeat(501)], '--why may have 500 characters at most.'],
    [['resume', 'gateway', '--why', 'x'], '--why does not go with resume.'],
    [['why', 'x', '--watch'], '--watch does not go with why.'],
    [['why'], 'why needs the id or the reference of an order.'],
    [['why', ' '], 'why needs the id or the reference of an order.'],
    [['why', 'table', '4'], '"4" is not understood. A reference with spaces needs quotes around it.'],
    [['why', 'x', '--yaml'], "Unknown option '--yaml'"],
  ])('are refused where they are not understood: %j', (args, message) => {
    expect(() => readMeshArguments(args)).toThrow(UsageError);
    expect(() => readMeshArguments(args)).toThrow(message);
  });
});

const notAsked = () => {
  throw new Error('nobody has asked for the state');
};

describe('npm run mesh -- why', () => {
  let db: TestDatabase;
  let restaurantId: string;
  beforeAll(async () => {
    db = await createTestDatabase();
    ({ restaurantId } = await seedMenu(db.database, [10]));
  });
  afterAll(() => db.drop());

  async function run(...args: string[]) {
    const printed: string[] = [];
    const warned: string[] = [];
    const code = await runMesh({
      args,
      databaseUrl: () => db.url,
      draftDeadlineMs: () => 86_400_000,
      readState: notAsked,
      user: () => 'asha',
      print: (text) => printed.push(text),
      warn: (text) => warned.push(text),
    });
    return { code, out: printed.join('\n'), warned: warned.join('\n') };
  }

  async function anOrder(reference: string | null, more: object = {}): Promise<string> {
    const data = {
      id: newId(),
      restaurantId,
      reference,
      currency: 'INR',
      totalAmount: '1.00',
      correlationId: 'c',
    };
    const { id } = await db.database.order.create({
      data: { ...data, status: 'PLACED', placedAt: new Date(), ...more },
    });
    await db.database.orderStatusHistory.create({
      data: { orderId: id, toStatus: 'PLACED', actor: 'CUSTOMER' },
    });
    return id;
  }

  it('tells a person what an order waits for, and how it came to that', async () => {
    const id = await anOrder(null, { paymentMethod: 'CARD' });
    const [placed, caused] = [newId(), newId()];
    const log = {
      subject: id,
      correlationId: 'c',
      body: { source: '/order-api' },
      createdAt: new Date('2026-11-29T01:00:00Z'),
    };
    await db.database.eventLog.create({
      data: {
        ...log,
        eventId: placed,
        type: 'order.placed.v1',
        publishedAt: new Date('2026-11-29T01:00:00.007Z'),
      },
    });
    await db.database.eventLog.create({
      data: { ...log, eventId: caused, type: 'payment.authorized.v1', causationId: placed },
    });
    await db.database.subscription.create({
      data: { consumer: 'inventory-service', eventType: 'order.placed.v1', since: new Date(0) },
    });
    await db.database.deliveryFailure.create({
      data: {
        consumer: 'inventory-service',
        eventId: placed,
        attempt: 6,
        reason: 'handler_failed',
        error: 'no\x1b[2J',
        outcome: 'DEAD_LETTERED',
      },
    });
    const payment = { id: newId(), orderId: id, amount: '1.00', currency: 'INR' };
    await db.database.payment.create({
      data: { ...payment, restaurantId, state: 'AUTHORIZED', correlationId: 'c' },
    });
    await db.database.paymentMove.create({
      data: {
        paymentId: payment.id,
        orderId: id,
        fromState: 'AUTHORIZING',
        toState: 'AUTHORIZED',
        cause: 'authorized',
        attempts: 3,
        lastError: '500',
      },
    });
    const { code, out, warned } = await run('why', id.toUpperCase());
    expect({ code, warned }).toEqual({ code: 0, warned: '' });
    expect(out).toMatch(new RegExp(`^Order ${id} is PLACED, version 1, as of \\d{4}-`));
    expect(out).toMatch(
      /\nwaits for inventory-service, since 2026-11-29T01:00:00\.007Z \(dead_letter\)\n +inventory-service is to take its stock; order\.placed\.v1 is a dead letter/,
    );
    expect(out).toContain('and for   status-service');
    expect(out).toContain(`order.placed.v1  ${placed}  2026-11-29T01:00:00.000Z, published after 7 ms`);
    expect(out).toMatch(
      /\n {4}inventory-service +dead_letter, attempt 6\n {6}\d{4}-.*DEAD_LETTERED attempt 6, handler_failed: no\\u001b\[2J\n/,
    );
    expect(out).toContain(`\n  payment.authorized.v1  ${caused}`);
    expect(out).toMatch(/\nPAYMENT .* is AUTHORIZED: 1\.00 INR\n/);
    expect(out).toMatch(/AUTHORIZING +AUTHORIZED +authorized +3 +500/);
    expect(out).not.toContain('\x1b');
  });

  it('finds orders by their reference, as it is kept, newest first', async () => {
    const first = await anOrder('table 4', { placedAt: new Date(Date.now() - 1_000) });
    const second = await anOrder('table 4');
    const { code, out } = await run('why', '  table\t4', '--json');
    expect(code).toBe(0);
    const orders = out
      .split('\n')
      .map((line) => JSON.parse(line) as { order_id: string; waiting_for: object });
    expect(orders.map(({ order_id }) => order_id)).toEqual([second, first]);
    expect(orders[0]?.waiting_for).toMatchObject({ code: 'not_on_record', service: 'inventory-service' });
    for (let n = 0; n < 4; n++) await anOrder('table 4');
    const more = await run('why', 'table 4');
    expect(more.out.match(/^Order /gm)).toHaveLength(5);
    expect(more.warned).toBe('There are more orders table 4; these are the newest 5.');
  });

  it('finds an order whose reference is a UUID', async () => {
    const reference = newId();
    const id = await anOrder(reference);
    expect((await run('why', reference)).out).toContain(`Order ${id} is PLACED`);
  });

  it('says so and ends with 1 where there is no such order', async () => {
    for (const order of [newId(), 'nothing', "'; DROP TABLE orders"])
      expect(await run('why', order)).toEqual({ code: 1, out: '', warned: `There is no order ${order}.` });
  });

  it('says that the database cannot be used', async () => {
    const url = new URL(db.url);
    url.port = '1';
    const run = runMesh({
      args: ['why', newId()],
      databaseUrl: () => url.toString(),
      draftDeadlineMs: () => 1,
      readState: notAsked,
      user: () => 'asha',
      print: () => undefined,
      warn: () => undefined,
    });
    await expect(run).rejects.toThrow(/^PostgreSQL cannot be used: /);
  });
});

it('of what another operator wrote, nothing moves the cursor or begins a line', async () => {
  const db = await createTestDatabase();
  async function run(...args: string[]) {
    const printed: string[] = [];
    await runMesh({
      args,
      databaseUrl: () => db.url,
      draftDeadlineMs: () => 1,
      readState: notAsked,
      user: () => 'mallory\x1b[2J',
      print: (text) => printed.push(text),
      warn: () => undefined,
    });
    return printed.join();
  }
  const why = 'stock\x1b[2J\ngateway is resumed';
  const told = 'stock\\u001b[2J gateway is resumed';
  expect(await run('pause', 'gateway', '--why', why)).toContain(`gateway is paused: ${told}. It stops`);
  const by = /by mallory\\u001b\[2J since [\d:TZ-]+: /.source;
  const again = await run('pause', 'gateway');
  expect(again).toMatch(new RegExp(`paused already, ${by}stock`));
  expect(again).toContain(`: ${told}. Nothing was changed.`);
  const resumed = await run('resume', 'gateway');
  expect(resumed).toMatch(new RegExp(`resumed; it was paused ${by}stock`));
  expect(resumed).toContain(`: ${told}. It begins`);
  await db.drop();
});

it('payments whose card token cannot be read, for want of its key, need somebody', async () => {
  const db = await createTestDatabase();
  const pay = (lastError: string) =>
    db.database.payment.create({
      data: {
        id: newId(),
        orderId: newId(),
        restaurantId: newId(),
        amount: '1.00',
        currency: 'INR',
        correlationId: 'c',
        state: 'AUTHORIZING',
        nextAttemptAt: new Date(),
        lastError,
      },
    });
  const [one, other] = [1, 2].map((byte) => withId(Buffer.alloc(32, byte))) as [CardTokenKey, CardTokenKey];
  const open = async () => openCardToken([one], 'order', sealCardToken([other], 'order', 'tok'));
  const message = await open().catch(briefly);
  await pay(message);
  await pay(message);
  await pay('the gateway answered 500');
  const { troubles, ...tables } = await readTables(db.database, createOrderCount());
  expect(troubles.tokensUnreadable).toBe(2);
  const state = {
    as_of: tables.now.toISOString(),
    postgresql: { reachable: true, error: null },
    rabbitmq: { reachable: true, error: null },
    services: [],
    pauses: [],
    outbox: null,
  };
  expect(findNeeds(state as never, troubles)).toMatchObject([
    {
      code: 'card_tokens_unreadable',
      part: 'payment-service',
      sentence: expect.stringMatching(
        /^2 payments whose card token payment-service cannot read: its CARD_TOKEN_KEY/,
      ),
    },
  ]);
  await db.drop();
});
