import { newId } from '../../shared/ids';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { UsageError } from '../command-line/usage-error';
import { readPaymentsArguments } from './arguments';
import { runPayments } from './run-payments';

const ID = '019a0000-0000-7000-8000-00000000000A';

describe('the arguments of npm run payments', () => {
  const read = (text: string) => readPaymentsArguments(text.split(' ').filter(Boolean));

  it('are read', () => {
    expect(read('list')).toEqual({ action: 'list', stuckForMs: undefined, limit: 100, json: false });
    expect(read('list --stuck --limit 3')).toMatchObject({ stuckForMs: 600_000, limit: 3 });
    expect(read('list --stuck 1h --json')).toMatchObject({ stuckForMs: 3_600_000, json: true });
    expect(read(`show ${ID}`)).toEqual({ action: 'show', orderId: ID.toLowerCase(), json: false });
    expect(read(`settle ${ID} --as voided --note expired --operator asha`)).toEqual({
      action: 'settle',
      orderId: ID.toLowerCase(),
      as: 'voided',
      operator: 'asha',
      note: 'expired',
    });
    expect(read('settle --help')).toEqual({ action: 'help' });
  });

  it.each([
    ['', 'Say what to do: list, show, retry, settle.'],
    ['refund x', 'Say what to do'],
    ['show', 'show needs the id of an order.'],
    ['retry 7', 'retry needs the id of an order.'],
    [`show ${ID} ${ID}`, 'is not understood'],
    ['list 1h', '"1h" is not understood'],
    ['list --stuck soon', '--stuck: "soon" is not a duration'],
    ['list --as voided', '--as goes with settle, not with list.'],
    [`retry ${ID} --json`, '--json goes with list and show, not with retry.'],
    [
      `settle ${ID} --note x`,
      '--as says what became of it: authorized, declined, captured, voided, refunded.',
    ],
    [`settle ${ID} --as refused --note x`, '--as says what became of it'],
    [`settle ${ID} --as voided`, '--note says why'],
    [`settle ${ID} --as voided --note=`, '--note says why'],
    [`retry ${ID} --operator=`, '--operator needs a name.'],
    ['list --all', "Unknown option '--all'"],
  ])('"%s" is a usage error', (text, message) => {
    expect(() => read(text)).toThrow(UsageError);
    expect(() => read(text)).toThrow(message);
  });
});

describe('npm run payments', () => {
  let db: TestDatabase;
  beforeAll(async () => (db = await createTestDatabase()));
  afterAll(() => db.drop());
  beforeEach(() => db.database.$executeRaw`TRUNCATE orders, payments, payment_moves, payment_ledger CASCADE`);

  /** Runs the command as a user would, and answers what it printed. */
  async function payments(...args: string[]) {
    const printed: string[] = [];
    const warned: string[] = [];
    const code = await runPayments({
      args,
      databaseUrl: () => db.url,
      user: () => 'asha',
      print: (text) => printed.push(text),
      warn: (text) => warned.push(text),
    });
    return { code, text: printed.join('\n'), warned };
  }

  async function inReview(reason = 'capture_refused: no\u001b[2J more'): Promise<string> {
    const [id, paymentId] = [newId(), newId()];
    await db.database.restaurant.upsert({
      where: { id: ID },
      update: {},
      create: { id: ID, name: 'Tandoor' },
    });
    const facts = { restaurantId: ID, currency: 'INR', correlationId: 'c' };
    await db.database.order.create({
      data: { id, ...facts, status: 'PREPARING', totalAmount: 900, paymentMethod: 'CARD' },
    });
    await db.database.payment.create({
      data: {
        id: paymentId,
        orderId: id,
        ...facts,
        amount: 900,
        state: 'REVIEW',
        gateway: 'simulator',
        gatewayReference: 'pay_1',
        reviewOperation: 'CAPTURE',
        reviewReason: reason,
      },
    });
    await db.database.paymentMove.create({
      data: { paymentId, orderId: id, fromState: 'CAPTURING', toState: 'REVIEW', cause: 'refused' },
    });
    await db.database.paymentLedger.create({
      data: { paymentId, orderId: id, kind: 'AUTHORIZED', amount: 900, currency: 'INR' },
    });
    return id;
  }

  it('lists what is in review, with the gateway’s words, harmless', async () => {
    expect(await payments('list')).toMatchObject({ code: 0, text: 'No payment is in review.' });
    const id = await inReview();
    const { text } = await payments('list');
    expect(text).toMatch(
      new RegExp(`^${id}  PREPARING  900.00 INR  CAPTURE  .*Z  capture_refused: no\\\\u001b\\[2J more$`, 'm'),
    );
    const { text: json } = await payments('list', '--json');
    expect(JSON.parse(json)).toMatchObject({ order_id: id, amount: '900.00', review_operation: 'CAPTURE' });
    expect(await payments('list', '--stuck')).toMatchObject({ code: 0, text: 'No payment is stuck.' });
  });

  it('shows one with its moves, its ledger, and what can be done', async () => {
    const id = await inReview();
    const { text } = await payments('show', id);
    for (const part of [
      `${id}, PREPARING`,
      'simulator, pay_1',
      /CAPTURING +REVIEW +refused/,
      /AUTHORIZED +900.00 INR/,
    ])
      expect(text).toMatch(part);
    expect(text).toContain(`settle ${id} --as voided --note`);
    const { text: json } = await payments('show', id, '--json');
    expect(JSON.parse(json)).toMatchObject({
      order_status: 'PREPARING',
      state: 'REVIEW',
      moves: [{ from: 'CAPTURING', to: 'REVIEW', cause: 'refused' }],
      ledger: [{ kind: 'AUTHORIZED', amount: '900.00' }],
    });
  });

  it('settles and tries again, in the name of who runs it or of who is named', async () => {
    const [id, other] = [await inReview(), await inReview()];
    const settled = await payments('settle', id, '--as', 'captured', '--note', 'seen on the dashboard');
    expect(settled).toMatchObject({ code: 0, text: expect.stringContaining(`${id} is CAPTURED, by asha.`) });
    expect(await payments('retry', other, '--operator', 'ben')).toMatchObject({ code: 0 });
    const moves = await db.database.paymentMove.findMany({
      where: { fromState: 'REVIEW' },
      orderBy: { id: 'asc' },
    });
    expect(moves).toMatchObject([
      { orderId: id, operator: 'asha', note: 'seen on the dashboard' },
      { orderId: other, operator: 'ben', note: 'tried again', toState: 'CAPTURING' },
    ]);
  });

  it('fails, saying why, where there is nothing to do', async () => {
    const id = await inReview();
    const [unknown] = [newId()];
    expect(await payments('show', unknown)).toMatchObject({
      code: 1,
      warned: [`There is no order ${unknown}.`],
    });
    expect(await payments('settle', id, '--as', 'refunded', '--note', 'x')).toMatchObject({
      code: 1,
      warned: ['Its CAPTURE can be settled as captured or voided, not as refunded.'],
    });
    await payments('retry', id);
    expect(await payments('retry', id)).toMatchObject({
      code: 1,
      warned: ['It is CAPTURING, not in REVIEW: the gateway is being asked.'],
    });
  });
});
