import { newId } from '../../shared/ids';
import { orderCancelled } from '../../shared/testing/events';
import { handle } from '../../shared/testing/handle';
import { until } from '../../shared/testing/until';
import { handlersOver } from '../handlers';
import { aChannel, aNotification, openDeliveryBench } from '../testing/deliveries';
import { GivenUp } from './attempt';
import { claimDue, LEASE_MS, type Claimed } from './claim';
import { Dropped, Refused, TryLater, type Settlement } from './channel';
import { Hands } from './hands';
import { deleteOld } from './keep-notifications';
import { settle } from './settle';

const bench = openDeliveryBench();
const statuses = async () => (await bench.stored()).map(({ status }) => status);
const claimAll = async (overall = 100) =>
  (await claimDue(bench.db.database, { overall, usual: { email: 10, webhook: 10 }, lanes: {} })).claimed;

describe('recording', () => {
  it('keeps one for each event, recipient and channel, whatever comes again', async () => {
    const one = aNotification();
    await bench.record(one);
    await bench.record(one, { ...one, recipient: 'other@example.com' }, { ...one, channel: 'SLACK' });
    expect((await bench.stored()).map(({ recipient, channel }) => [recipient, channel])).toEqual([
      ['maya@example.com', 'EMAIL'],
      ['other@example.com', 'EMAIL'],
      ['maya@example.com', 'SLACK'],
    ]);
  });

  it('keeps what is not to be sent as dropped, with the reason', async () => {
    await bench.record({ dropped: 'opted out' });
    expect(await bench.stored()).toMatchObject([
      { status: 'DROPPED', lastError: 'opted out', nextAttemptAt: null },
    ]);
    expect(await claimAll()).toEqual([]);
  });
});

describe('sending', () => {
  it('sends each once, though three instances share the work', async () => {
    const sent: string[] = [];
    const channel = aChannel(async ({ id }) => void sent.push(id));
    await bench.record(...Array.from({ length: 200 }, () => ({})));
    for (let n = 0; n < 3; n++) bench.deliver({ EMAIL: channel });
    await bench.settled();
    const rows = await bench.stored();
    expect(sent.toSorted()).toEqual(rows.map(({ id }) => id));
    for (const row of rows)
      expect(row).toMatchObject({ status: 'SENT', attempts: 1, sentAt: expect.any(Date), claim: null });
  });

  it('tries again what fails, as often as there are delays and once more, then leaves it failed', async () => {
    const tries: number[] = [];
    await bench.record({});
    bench.deliver({
      EMAIL: aChannel(async ({ attempt }) => {
        tries.push(attempt);
        throw new TryLater(`busy ${attempt}`);
      }),
    });
    await bench.settled();
    expect(tries).toEqual([1, 2, 3, 4]);
    expect(await bench.stored()).toMatchObject([{ status: 'FAILED', attempts: 4, lastError: 'busy 4' }]);
  });

  it('keeps the error of before where a retry gets through', async () => {
    await bench.record({});
    bench.deliver({
      EMAIL: aChannel(async ({ attempt }) => {
        if (attempt === 1) throw new Error('connection reset');
      }),
    });
    await bench.settled();
    expect(await bench.stored()).toMatchObject([
      { status: 'SENT', attempts: 2, lastError: 'connection reset' },
    ]);
  });

  it('does not try again what is refused or dropped, and waits as long as it is asked to', async () => {
    await bench.record({ recipient: 'refused' }, { recipient: 'dropped' }, { recipient: 'later' });
    bench.deliver({
      EMAIL: aChannel(async ({ recipient }) => {
        if (recipient === 'refused') throw new Refused('550 no such user');
        if (recipient === 'dropped') throw new Dropped('nobody cares');
        throw new TryLater('451', { afterMs: 3_600_000 });
      }),
    });
    await until('all to be tried', async () => (await bench.stored()).every(({ lastError }) => lastError));
    expect(await bench.stored()).toMatchObject([
      { status: 'FAILED', attempts: 1, lastError: '550 no such user' },
      { status: 'DROPPED', lastError: 'nobody cares' },
      { status: 'PENDING', attempts: 1, lastError: '451' },
    ]);
    expect((await bench.stored())[2]!.nextAttemptAt!.getTime()).toBeGreaterThan(Date.now() + 3_500_000);
  });

  it('gives up a channel that does not answer, also one that does not heed its signal', async () => {
    await bench.record({ recipient: 'heeds' }, { recipient: 'does not' });
    bench.deliver({
      EMAIL: aChannel(
        ({ recipient }, signal) =>
          new Promise((_, reject) => {
            if (recipient === 'heeds') signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
        { timeoutMs: 50, retryDelays: [] },
      ),
    });
    await bench.settled();
    expect((await bench.stored()).map(({ status, lastError }) => [status, lastError])).toEqual([
      ['FAILED', 'no answer within 50 ms'],
      ['FAILED', 'no answer within 50 ms'],
    ]);
  });

  it('keeps what a channel wants to keep of its attempts, and tells it in the same transaction', async () => {
    const told: Settlement[] = [];
    await bench.record({ channel: 'WEBHOOK', lane: 'webhook:1' });
    bench.deliver({
      WEBHOOK: aChannel(
        async ({ attempt }) => {
          if (attempt === 1) throw new TryLater('503', { detail: { status: 503 }, wholeLane: true });
          return { detail: { status: 200 } };
        },
        {
          onSettled: async (tx, settlements) => {
            const [row] = await tx.$queryRaw<{ count: bigint }[]>`SELECT count(*) FROM notification_attempts`;
            expect(Number(row?.count)).toBe(told.length + settlements.length);
            told.push(...settlements);
          },
        },
      ),
    });
    await bench.settled();
    const kept = await bench.db.database.notificationAttempt.findMany({ orderBy: { id: 'asc' } });
    expect(kept).toMatchObject([
      { attempt: 1, outcome: 'PENDING', detail: { status: 503 } },
      { attempt: 2, outcome: 'SENT', detail: { status: 200 } },
    ]);
    expect(told.map(({ status }) => status)).toEqual(['PENDING', 'SENT']);
  });

  it('records of the others how they went where that of one cannot be', async () => {
    await bench.record(
      ...Array.from({ length: 10 }, (_, n) => ({ recipient: n === 4 ? 'cursed' : `r-${n}` })),
    );
    const channel = aChannel(async () => undefined, {
      onSettled: async (_tx, settlements) => {
        if (settlements.some(({ notification }) => notification.recipient === 'cursed'))
          throw new Error('nobody foresaw this');
      },
    });
    bench.deliver({ EMAIL: channel });
    const sent = () => bench.db.database.notification.count({ where: { status: 'SENT' } });
    await until('the others to be recorded', async () => (await sent()) === 9);
    const [cursed] = (await bench.stored()).filter(({ recipient }) => recipient === 'cursed');
    expect(cursed).toMatchObject({ status: 'PENDING', claim: expect.any(String), attempts: 1 });
    // Others go on meanwhile.
    await bench.record({ recipient: 'later' });
    await until('a later one', async () => (await sent()) === 10);
  });

  it('leaves alone what it has no channel for', async () => {
    await bench.record({ channel: 'SLACK' }, {});
    bench.deliver({ EMAIL: aChannel(async () => undefined) });
    await until('the other', async () => (await statuses())[1] === 'SENT');
    expect(await statuses()).toEqual(['PENDING', 'SENT']);
  });
});

describe("an order's life", () => {
  const steps = (orderId: string, recipient = 'maya@example.com') =>
    [3, 1, 2].map((sequence) => ({ orderId, sequence, recipient }));

  it('is told in its order, whatever order it was recorded in', async () => {
    const orders = Array.from({ length: 20 }, newId);
    const told = new Map<string, number[]>(orders.map((id) => [id, []]));
    await bench.record(...orders.flatMap((id) => steps(id)));
    const sequences = new Map((await bench.stored()).map(({ id, sequence }) => [id, sequence!]));
    const channel = aChannel(async ({ id, orderId, attempt }) => {
      if (attempt === 1) throw new TryLater('not yet');
      told.get(orderId!)!.push(sequences.get(id)!);
    });
    bench.deliver({ EMAIL: channel });
    bench.deliver({ EMAIL: channel });
    await bench.settled();
    for (const sequence of told.values()) expect(sequence).toEqual([1, 2, 3]);
  });

  it('goes on after one that failed for good', async () => {
    await bench.record(...steps(newId()));
    const told: number[] = [];
    const sequences = new Map((await bench.stored()).map(({ id, sequence }) => [id, sequence!]));
    bench.deliver({
      EMAIL: aChannel(async ({ id }) => {
        if (sequences.get(id) === 1) throw new Refused('no');
        told.push(sequences.get(id)!);
      }),
    });
    await bench.settled();
    expect(told).toEqual([2, 3]);
  });

  it('waits for nobody else: not for another recipient, nor for another order', async () => {
    const order = newId();
    await bench.record(
      { orderId: order, sequence: 1 },
      { orderId: order, sequence: 2, recipient: 'other@example.com' },
      { orderId: newId(), sequence: 2 },
      { orderId: order, sequence: 2 },
    );
    const claimed = await claimAll();
    expect(claimed.map(({ id }) => id).toSorted()).toEqual(
      (await bench.stored()).slice(0, 3).map(({ id }) => id),
    );
    expect(await claimAll()).toEqual([]);
  });

  it('waits for what comes before it and is not on record yet, but not for ever', async () => {
    const [order, eventType] = [newId(), 'payment.failed.v1'];
    await bench.record(
      { orderId: order, sequence: 60, expects: eventType },
      { orderId: newId(), sequence: 60, expects: eventType },
    );
    expect(await claimAll()).toEqual([]);
    await bench.record({ orderId: order, sequence: 20, eventType });
    expect((await claimAll()).map(({ eventType: type }) => type)).toEqual([eventType]);
    await bench.db.database.$executeRaw`UPDATE notifications SET created_at = now() - interval '11 minutes'`;
    expect(await claimAll()).toHaveLength(1); // the other order's: of the first, one is being sent
  });

  it('drops what a later step makes pointless, and nothing else', async () => {
    const [order, told] = [newId(), [] as string[]];
    await bench.record(
      { orderId: order, sequence: 10, kind: 'accepted', staleFrom: 40 },
      { orderId: order, sequence: 30, kind: 'preparing', staleFrom: 40 },
      { orderId: order, sequence: 40, kind: 'on its way', staleFrom: 50 },
      { orderId: newId(), sequence: 30, kind: 'preparing another', staleFrom: 40 },
      {
        orderId: order,
        sequence: 30,
        kind: 'preparing, to another',
        staleFrom: 40,
        recipient: 'x@example.com',
      },
    );
    bench.deliver({ EMAIL: aChannel(async ({ kind }) => void told.push(kind!)) });
    await bench.settled();
    expect(told.toSorted()).toEqual(['on its way', 'preparing another', 'preparing, to another']);
    expect(await statuses()).toEqual(['DROPPED', 'DROPPED', 'SENT', 'SENT', 'SENT']);
    expect((await bench.stored())[0]).toMatchObject({ lastError: 'the order has moved on', attempts: 1 });
  });

  it('drops a step that is recorded when a later one was sent', async () => {
    const orderId = newId();
    bench.deliver({ EMAIL: aChannel(async () => undefined) });
    await bench.record({ orderId, sequence: 30, staleFrom: 40 });
    await bench.settled();
    await bench.record({ orderId, sequence: 10, staleFrom: 40 }, { orderId, sequence: 20 });
    await bench.settled();
    expect(await statuses()).toEqual(['SENT', 'DROPPED', 'SENT']);
  });
});

describe('lanes', () => {
  it('takes the oldest of each lane before the second of any', async () => {
    await bench.record(
      ...Array.from({ length: 30 }, () => ({ channel: 'WEBHOOK' as const, lane: 'webhook:a' })),
    );
    await bench.record({ channel: 'WEBHOOK', lane: 'webhook:b' }, { channel: 'WEBHOOK', lane: 'webhook:c' });
    const lanes = (await claimAll(3)).map(({ lane }) => lane);
    expect(lanes.toSorted()).toEqual(['webhook:a', 'webhook:b', 'webhook:c']);
  });

  it('is not held up by a lane that hangs and one that always fails', async () => {
    const webhook = (lane: string) => ({
      channel: 'WEBHOOK' as const,
      lane: `webhook:${lane}`,
      recipient: lane,
    });
    await bench.record(...Array.from({ length: 100 }, () => webhook('dead')));
    await bench.record(...Array.from({ length: 100 }, () => webhook('broken')));
    await bench.record(...Array.from({ length: 100 }, (_, n) => webhook(`good-${n % 10}`)));
    let hanging = 0;
    let most = 0;
    bench.deliver(
      {
        WEBHOOK: aChannel(
          async ({ recipient }, signal) => {
            if (recipient === 'broken') throw new Error('no');
            if (recipient !== 'dead') return;
            most = Math.max(most, ++hanging);
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            hanging--;
            throw new Error('aborted');
          },
          { timeoutMs: 300, retryDelays: [60_000] },
        ),
      },
      8,
    );
    await until('the good ones', async () => {
      const left = await bench.db.database.notification.count({
        where: { status: 'PENDING', recipient: { startsWith: 'good' } },
      });
      return left === 0;
    });
    expect(most).toBeLessThanOrEqual(4);
    // After three failures in a row there are pauses: it is not asked for each of its hundred.
    const tried = await bench.db.database.notification.count({
      where: { recipient: 'broken', attempts: { gt: 0 } },
    });
    expect(tried).toBeGreaterThanOrEqual(3);
    expect(tried).toBeLessThan(20);
  });
});

describe('a process that dies', () => {
  it('has what it had claimed sent by another, when the claim ends, once', async () => {
    await bench.record({});
    expect(await claimAll()).toHaveLength(1); // and is never heard of again
    const sent: number[] = [];
    bench.deliver({ EMAIL: aChannel(async ({ attempt }) => void sent.push(attempt)) });
    await bench.record({ recipient: 'later' });
    await until('what is free', async () => (await statuses())[1] === 'SENT');
    expect(await statuses()).toEqual(['PENDING', 'SENT']);
    await bench.makeDue();
    await bench.settled();
    expect(sent).toEqual([1, 2]);
  });

  it('may say later how it went only while nobody else has claimed it', async () => {
    await bench.record({});
    const [lost] = (await claimAll()) as [Claimed];
    await bench.makeDue();
    const [kept] = (await claimAll()) as [Claimed];
    const outcome = { startedAt: new Date(), latencyMs: 1 };
    await settle(bench.db.database, {}, [{ notification: lost, status: 'FAILED', error: 'x', ...outcome }]);
    expect(await statuses()).toEqual(['PENDING']);
    await settle(bench.db.database, {}, [{ notification: kept, status: 'SENT', ...outcome }]);
    expect(await statuses()).toEqual(['SENT']);
  });

  it('with one and the same each time ends that one', async () => {
    await bench.record({});
    for (let death = 0; death < 4; death++) {
      expect(await claimAll()).toHaveLength(1);
      await bench.makeDue();
    }
    bench.deliver({ EMAIL: aChannel(async () => Promise.reject(new Error('it was sent'))) });
    await bench.settled();
    expect(await bench.stored()).toMatchObject([
      { status: 'FAILED', lastError: 'no attempt came to an end' },
    ]);
  });

  it('gives back what it could not finish when it is told to stop', async () => {
    await bench.record({});
    let begun = false;
    const stop = bench.deliver({
      EMAIL: aChannel(async (_, signal) => {
        begun = true;
        await new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        );
      }),
    });
    await until('it to be begun', () => begun);
    await stop();
    expect(await bench.stored()).toMatchObject([{ status: 'PENDING', claim: null, attempts: 0 }]);
    expect(await claimAll()).toHaveLength(1);
  });
});

describe('an attempt that takes long', () => {
  it('keeps its claim by renewing it, and is given up when it cannot', async () => {
    let now = 0;
    await bench.record({}, {});
    const hands = new Hands(bench.db.database, () => now);
    const ended: unknown[] = [];
    for (const one of await claimAll())
      hands.take(one, now, async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ended.push(signal.reason);
      });
    const endOfClaims = async () =>
      (await bench.stored()).map(({ nextAttemptAt }) => nextAttemptAt!.getTime());
    const [first, second] = (await endOfClaims()) as [number, number];
    const { id } = (await bench.stored())[1]!;
    await bench.db.database.notification.update({ where: { id }, data: { claim: newId() } });
    now += LEASE_MS / 2;
    await hands.renew();
    expect((await endOfClaims())[0]).toBeGreaterThan(first);
    expect((await endOfClaims())[1]).toBe(second);
    await until('the one that was lost', () => ended.length === 1);
    expect(ended).toEqual([new GivenUp('somebody else has claimed it')]);
    now += LEASE_MS * 0.4;
    await hands.renew();
    expect(ended).toHaveLength(1);
    now += LEASE_MS;
    await hands.renew();
    await hands.empty();
    expect(ended[1]).toEqual(new GivenUp('the claim on it could not be renewed'));
  });
});

describe('waiting for something to send', () => {
  const handlers = handlersOver([
    (_tx, events) => Promise.resolve(events.map(({ id }) => aNotification({ eventId: id }))),
  ]);
  const handleOne = () =>
    handle(bench.db.database, 'notification-service', handlers, orderCancelled(newId()));
  const AN_HOUR = 3_600_000;

  it('ends once a handler has committed, whenever it looks by itself', async () => {
    bench.deliver({ EMAIL: aChannel(async () => undefined) }, 32, AN_HOUR);
    for (let n = 1; n <= 3; n++) {
      await handleOne();
      await bench.settled();
    }
  });

  it('ends when the next is due', async () => {
    const tries: number[] = [];
    bench.deliver(
      {
        EMAIL: aChannel(async ({ attempt }) => {
          tries.push(attempt);
          if (attempt < 3) throw new TryLater('busy');
        }),
      },
      32,
      AN_HOUR,
    );
    await handleOne();
    await bench.settled();
    expect(tries).toEqual([1, 2, 3]);
  });

  it('tells until when nothing is due, of lanes with room', async () => {
    const next = async (usual: Record<string, number>) =>
      (await claimDue(bench.db.database, { overall: 10, usual, lanes: {} })).nextInMs;
    expect(await next({ email: 10 })).toBe(Infinity);
    await bench.record({ afterMs: 60_000 }, { channel: 'WEBHOOK', lane: 'webhook:1', afterMs: 5_000 });
    const both = await next({ email: 10, webhook: 10 });
    expect(both).toBeGreaterThan(0);
    expect(both).toBeLessThanOrEqual(5_000);
    expect(await next({ email: 10 })).toBeGreaterThan(5_000);
    expect(await next({ slack: 10 })).toBe(Infinity);
  });
});

describe('gathering', () => {
  const stock = (n: number, gatherKey = 'stock:1') => ({ gatherKey, data: { n }, afterMs: 60_000 });

  it('makes one of what is recorded before the first goes out, and all share its fate', async () => {
    await bench.record(stock(1), stock(2), stock(9, 'stock:2'));
    await Promise.all([3, 4, 5].map((n) => bench.record(stock(n))));
    expect((await statuses()).toSorted()).toEqual([...Array(4).fill('GATHERED'), 'PENDING', 'PENDING']);
    await bench.makeDue();
    const sent: unknown[] = [];
    bench.deliver({
      EMAIL: aChannel(async ({ data, gathered }) => void sent.push([data, gathered.length])),
    });
    await bench.settled();
    expect(sent).toEqual(
      expect.arrayContaining([
        [{ n: 1 }, 4],
        [{ n: 9 }, 0],
      ]),
    );
    expect(await statuses()).toEqual(Array(6).fill('SENT'));
    await bench.record(stock(6));
    expect((await statuses()).at(-1)).toBe('PENDING');
  });

  it('makes one also where several transactions begin at once', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, n) => bench.record(stock(n))));
    expect((await statuses()).filter((status) => status === 'PENDING')).toHaveLength(1);
  });

  it('gathers nothing into what is recorded already', async () => {
    const known = aNotification(stock(1));
    await bench.record(known);
    await bench.db.database.$executeRaw`UPDATE notifications SET status = 'SENT'`;
    await bench.record(known, stock(2), stock(3));
    expect(await statuses()).toEqual(['SENT', 'PENDING', 'GATHERED']);
    const [, first, other] = await bench.stored();
    expect(other!.gatheredInto).toBe(first!.id);
  });
});

it('deletes what is old and settled, and keeps what waits', async () => {
  await bench.record(
    { recipient: 'a' },
    { recipient: 'b' },
    { recipient: 'c', gatherKey: 'x' },
    { recipient: 'd', gatherKey: 'x' },
  );
  await bench.db.database.$executeRaw`UPDATE notifications SET status = 'SENT' WHERE recipient = 'a'`;
  await deleteOld(bench.db.database, Date.now() - 60_000);
  expect(await bench.stored()).toHaveLength(4);
  await deleteOld(bench.db.database, Date.now() + 60_000);
  expect((await bench.stored()).map(({ recipient }) => recipient)).toEqual(['b', 'c', 'd']);
});
