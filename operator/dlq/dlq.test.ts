import type { Channel, ConsumeMessage } from 'amqplib';
import { newId } from '../../shared/ids';
import { parseMessage, type Event } from '../../shared/events/envelope';
import { startConsumer, type Consumer } from '../../shared/messaging/consumer';
import { recordFailure } from '../../shared/messaging/dead-letter';
import { PermanentError } from '../../shared/messaging/failure';
import { openPublisher } from '../../shared/messaging/publisher';
import { declareService, parseRetryDelays, serviceNames } from '../../shared/messaging/topology';
import { createLogger } from '../../shared/service/logger';
import { orderCancelled } from '../../shared/testing/events';
import { createTestBroker, type TestBroker } from '../../shared/testing/test-broker';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { until } from '../../shared/testing/until';
import { withBroker } from '../command-line/broker';
import { openDecisions } from './decisions';
import { runDlq } from './run-dlq';
import { readWindow, type Reader, type Window } from './read-window';
import { replay } from './settle-matching';

const SERVICE = 'test-service';
const OTHER = 'other-service';
const names = serviceNames(SERVICE);
const retryDelays = parseRetryDelays('20ms');
const stopping = new AbortController().signal;

let broker: TestBroker;
let record: TestDatabase;
beforeAll(async () => void (record = await createTestDatabase()));
afterAll(() => record.drop());
beforeEach(async () => {
  broker = await createTestBroker();
  for (const service of [SERVICE, OTHER])
    await declareService(broker.channel, service, ['order.cancelled.v1'], retryDelays);
});
afterEach(() => broker.drop());

/** Runs the command as a user would, and answers what it printed. */
async function dlq(
  args: string,
  confirm?: () => Promise<boolean>,
  databaseUrl: string | undefined = record.url,
) {
  const printed: string[] = [];
  const warned: string[] = [];
  const code = await runDlq({
    args: args.split(' ').filter(Boolean),
    rabbitmqUrl: () => broker.url,
    databaseUrl: () => databaseUrl,
    user: () => 'asha',
    services: () => [OTHER, SERVICE],
    print: (text) => printed.push(text),
    warn: (text) => warned.push(text),
    confirm,
    stopping,
  });
  return { code, text: printed.join('\n'), warned };
}

interface Letter {
  id?: string;
  type?: string;
  reason?: string;
  body?: string;
  headers?: Record<string, unknown>;
  at?: Date;
}

/** Puts a message into a dead-letter queue, as a consumer would. */
function park(letter: Letter, service = SERVICE): void {
  const { id, type, reason, body = '{}', headers = {}, at = new Date() } = letter;
  broker.channel.publish(service, 'dlq', Buffer.from(body), {
    persistent: true,
    messageId: id,
    type,
    headers: {
      ...(reason ? { 'x-reason': reason, 'x-attempts': 6, 'x-last-failed-at': at.toISOString() } : {}),
      ...headers,
    },
  });
}

async function counts(args = ''): Promise<[string, string, string, number][]> {
  const { text } = await dlq(`list --json ${args}`);
  const rows = JSON.parse(text) as { service: string; type: string; reason: string; count: number }[];
  return rows.map((row) => [row.service, row.type, row.reason, row.count]);
}

/** Waits until so many are there: what was published a moment ago need not be. */
const parked = (count: number, service = SERVICE) =>
  until(
    `${count} dead letters`,
    async () => (await broker.channel.checkQueue(`${service}.dlq`)).messageCount === count,
  );

/** Takes all there is in a queue. */
async function drain(queue: string): Promise<{ id: string; body: string; headers: object }[]> {
  const all = [];
  for (;;) {
    const message = await broker.channel.get(queue, { noAck: true });
    if (!message) return all;
    const { messageId, headers = {} } = message.properties;
    all.push({ id: messageId as string, body: message.content.toString(), headers });
  }
}

describe('looking', () => {
  it('counts by service, type and reason, also what is no JSON or has no type, and changes nothing', async () => {
    for (let n = 0; n < 500; n++)
      park({ id: `a${n}`, type: 'order.placed.v1', reason: n % 2 ? 'handler_failed' : 'invalid_data' });
    park({ body: '{"type": "from.body.v1", "id": 7}', reason: 'invalid_envelope' });
    park({ body: 'no json', reason: 'invalid_json' });
    park({ type: 'order.placed.v1', reason: 'invalid_data' }, OTHER);
    await Promise.all([parked(502), parked(1, OTHER)]);
    const expected = [
      [OTHER, 'order.placed.v1', 'invalid_data', 1],
      [SERVICE, 'from.body.v1', 'invalid_envelope', 1],
      [SERVICE, 'order.placed.v1', 'handler_failed', 250],
      [SERVICE, 'order.placed.v1', 'invalid_data', 250],
      [SERVICE, 'unknown', 'invalid_json', 1],
    ];
    for (let look = 0; look < 3; look++) expect(await counts()).toEqual(expected);
    expect(await counts(`--service ${SERVICE} --reason invalid_json`)).toEqual([expected[4]]);
    const { text } = await dlq('list');
    expect(text).toMatch(
      /SERVICE +TYPE +REASON +COUNT +OLDEST +NEWEST\n.*\n.*\ntest-service +order\.placed\.v1 +handler_failed +250 /,
    );
    expect(text).toContain('503 dead letters');
    const ids = (await drain(names.deadLetterQueue)).map(({ id }) => id);
    expect(ids.slice(0, 500)).toEqual(Array.from({ length: 500 }, (_, n) => `a${n}`));
  });

  it('shows one message whole, by id, by place and by filter', async () => {
    const event = orderCancelled(newId());
    park({ reason: 'invalid_json', body: 'no \x1b[2J json' });
    park({ id: event.id, type: event.type, reason: 'handler_failed', body: JSON.stringify(event) });
    await parked(2);
    for (const which of [event.id, '2', `--order ${event.subject}`, '--type order.cancelled.v1']) {
      const { text } = await dlq(`show ${which}`);
      expect(text).toMatch(/reason +handler_failed[^]*attempts +6[^]*"reason": "CUSTOMER"/);
      expect(text).toContain(event.id);
    }
    const { text } = await dlq('show --limit 5');
    expect(text).toContain('(not JSON) no \\u001b[2J json');
    expect(text).toContain(event.id);
    expect(JSON.parse((await dlq('show 2 --json')).text)).toMatchObject({
      eventId: event.id,
      body: { subject: event.subject },
    });
    expect(await dlq('show 3')).toMatchObject({ code: 1, text: '' });
  });

  it('tells what the broker itself dead-lettered by delivery limit, and replays it clean', async () => {
    // Stands for the work queue: its own limit is too high to reach here.
    await broker.channel.assertQueue('killer', {
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-delivery-limit': 1,
        'x-dead-letter-exchange': names.exchange,
        'x-dead-letter-routing-key': 'dlq',
      },
    });
    const headers = { 'x-attempts': 1, 'x-reason': 'handler_failed', traceparent: 'kept' };
    broker.channel.sendToQueue('killer', Buffer.from('{}'), { messageId: 'x', type: 't', headers });
    await broker.channel.consume('killer', (message) => message && broker.channel.reject(message, true));
    await parked(1);
    expect(await counts(`--service ${SERVICE}`)).toEqual([[SERVICE, 't', 'delivery_limit', 1]]);
    await dlq('replay --reason delivery_limit');
    const { properties } = await broker.take(names.queue);
    expect(properties).toMatchObject({ messageId: 'x', type: 't', headers: { traceparent: 'kept' } });
    expect(Object.keys(properties.headers ?? {})).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^x-(?!delivery-count)/)]),
    );
  });
});

describe('replay and discard', () => {
  let db: TestDatabase;
  let consumer: Consumer | undefined;
  beforeAll(async () => {
    db = await createTestDatabase();
  });
  afterEach(async () => {
    await consumer?.stop();
    consumer = undefined;
  });
  afterAll(() => db.drop());

  it('give back to the service what it failed on, and replaying again has no second effect', async () => {
    let broken = true;
    const handled: string[] = [];
    consumer = startConsumer({
      name: SERVICE,
      handlers: {
        'order.cancelled.v1': (_tx, events) => {
          if (broken) throw new PermanentError('broken', 'the handler is broken');
          handled.push(...events.map((event) => event.subject));
          return Promise.resolve([]);
        },
      },
      database: db.database,
      rabbitmqUrl: broker.url,
      log: createLogger('test', process.env.TEST_LOG ?? 'silent'),
      batchSize: 10,
      prefetch: 100,
      retryDelays,
    });
    const events = Array.from({ length: 6 }, () => orderCancelled(newId()));
    const send = (event: Event) =>
      broker.channel.publish(SERVICE, 'work', Buffer.from(JSON.stringify(event)), {
        persistent: true,
        messageId: event.id,
        type: event.type,
      });
    events.forEach(send);
    broker.channel.publish(SERVICE, 'work', Buffer.from('no json'), { persistent: true });
    await parked(7);

    broken = false;
    const chosen = events[2]!;
    await dlq(`replay --dry-run --order ${chosen.subject}`);
    await dlq('replay --dry-run --all');
    await parked(7);
    expect(handled).toEqual([]);

    expect((await dlq(`replay --order ${chosen.subject}`)).text).toContain(
      'test-service.dlq: 1 replayed to test-service, 6 left as they were',
    );
    await until('it to be handled', () => handled.length === 1);
    expect(handled).toEqual([chosen.subject]);
    expect((await dlq('replay --reason broken --rate 1000')).text).toContain('5 replayed');
    await until('all to be handled', () => handled.length === 6);

    // The same once more, as after a crash between confirm and acknowledgement.
    for (const event of events)
      park({ id: event.id, type: event.type, reason: 'x', body: JSON.stringify(event) });
    await parked(7);
    expect((await dlq('replay --reason x')).text).toContain('6 replayed');
    const last = orderCancelled(newId());
    send(last);
    await until('what came after it', () => handled.includes(last.subject));
    expect(handled).toHaveLength(7);
    expect(await counts()).toEqual([[SERVICE, 'unknown', 'invalid_json', 1]]);
    // What fails again comes back, is not replayed twice by one command, and begins with its first attempt.
    expect((await dlq('replay --all')).text).toContain('1 replayed');
    await parked(1);
    const [again] = await drain(names.deadLetterQueue);
    expect(again).toMatchObject({
      body: 'no json',
      headers: { 'x-attempts': 1, 'x-reason': 'invalid_json' },
    });
  });

  it('takes a message out of the dead letters only after its copy is confirmed', async () => {
    for (let n = 0; n < 20; n++) park({ id: `m${n}`, reason: 'handler_failed' });
    await parked(20);
    const filter = {};
    const decisions = { begin: () => Promise.resolve(() => Promise.resolve()), end: () => Promise.resolve() };
    const cutOff = withBroker(broker.url, 'test', async (tool) => {
      const publisher = await openPublisher(tool.session, 5_000);
      const dying = {
        publish: async (message: Parameters<typeof publisher.publish>[0]) => {
          const outcome = await publisher.publish(message);
          if (message.properties.messageId === 'm7') tool.session.fail(new Error('killed'));
          return outcome;
        },
      };
      return replay(
        tool,
        dying,
        { service: SERVICE, queue: names.deadLetterQueue },
        { filter, rate: 1e5, decisions, stopping },
      );
    });
    await expect(cutOff).rejects.toThrow('killed');
    await until(
      'the dead connection to give its messages back',
      async () => (await dlq('list')).warned.length === 0,
    );
    const copies = (await drain(names.queue)).map(({ id }) => id);
    const left = (await drain(names.deadLetterQueue)).map(({ id }) => id);
    expect(new Set([...copies, ...left]).size).toBe(20);
    expect(copies).toContain('m7');
    expect(left).toContain('m7');
  });

  it('leaves what does not match where it is, in its order, and ends although more arrives', async () => {
    const odd = (n: number) => n % 2 === 1;
    for (let n = 0; n < 1_000; n++) park({ id: `m${n}`, type: odd(n) ? 'odd' : 'even', reason: 'r' });
    await parked(1_000);
    const arriving = setInterval(() => park({ id: 'late', type: 'odd', reason: 'r' }), 1);
    const { text } = await dlq(`discard --service ${SERVICE} --type odd --yes`).finally(() =>
      clearInterval(arriving),
    );
    expect(Number(/(\d+) discarded/.exec(text)?.[1])).toBeGreaterThanOrEqual(500);
    const left = (await drain(names.deadLetterQueue)).map(({ id }) => id).filter((id) => id !== 'late');
    expect(left).toEqual(Array.from({ length: 500 }, (_, n) => `m${n * 2}`));
  });

  it('are asked for, filtered by age, and limited in their rate', async () => {
    const hourAgo = new Date(Date.now() - 3_600_000);
    for (let n = 0; n < 5; n++) park({ id: `old${n}`, reason: 'r', at: hourAgo });
    for (let n = 0; n < 31; n++) park({ id: `new${n}`, reason: 'r' });
    await parked(36);
    const questions: string[] = [];
    const answer = (yes: boolean) => () => {
      questions.push('asked');
      return Promise.resolve(yes);
    };
    expect((await dlq('discard --older-than 10m', answer(false))).text).toContain('Nothing was discarded');
    await parked(36);
    expect((await dlq('discard --older-than 10m', answer(true))).text).toContain('5 discarded, ');
    expect(questions).toHaveLength(2);
    const from = performance.now();
    expect((await dlq('replay --newer-than 10m --rate 50')).text).toContain('31 replayed');
    expect(performance.now() - from).toBeGreaterThan(550);
    expect((await drain(names.queue)).map(({ id }) => id)).toEqual(
      Array.from({ length: 31 }, (_, n) => `new${n}`),
    );
  });

  it('are put on record, with who decided; where that cannot be done, it says so and goes on', async () => {
    const [again, away] = [newId(), newId()];
    park({ id: again, type: 'order.placed.v1', reason: 'handler_failed' });
    await parked(1);
    await dlq('replay --all');
    park({ id: away, reason: 'invalid_data' });
    park({ id: 'no uuid', reason: 'invalid_json' });
    await parked(2);
    await dlq('discard --all --yes');
    const kept = await record.database.deliveryFailure.findMany({
      where: { consumer: SERVICE, error: { endsWith: 'by asha' }, outcome: { not: 'RETRIED' } },
      orderBy: { id: 'desc' },
      take: 3,
    });
    expect(
      kept.map(({ eventId, outcome, reason, error }) => [eventId, outcome, reason, error]).reverse(),
    ).toEqual([
      [again, 'REPLAYED', 'handler_failed', 'replayed by asha'],
      [away, 'DISCARDED', 'invalid_data', 'discarded by asha'],
      [null, 'DISCARDED', 'invalid_json', 'discarded by asha'],
    ]);

    for (const databaseUrl of ['', 'postgresql://a:secret@127.0.0.1:1/none']) {
      park({ id: newId(), reason: 'r' });
      await parked(1);
      const { code, warned } = await dlq('discard --all --yes', undefined, databaseUrl);
      expect([code, warned.join()]).toEqual([0, expect.stringContaining('npm run audit will take these')]);
      expect(warned.join()).not.toContain('secret');
    }
  });

  it('are on record before what the consumer says next, however soon it fails again', async () => {
    const id = newId();
    const type = 'order.cancelled.v1';
    park({ id, type, reason: 'handler_failed' });
    await parked(1);
    const decisions = await openDecisions({
      databaseUrl: record.url,
      user: 'asha',
      warn: (text) => expect(text).toBe(''),
    });
    await withBroker(broker.url, 'test', async (tool) => {
      const publisher = await openPublisher(tool.session, 5_000);
      const quickConsumer = {
        publish: async (message: Parameters<typeof publisher.publish>[0]) => {
          const outcome = await publisher.publish(message);
          await recordFailure(
            record.database,
            SERVICE,
            { id, type },
            { reason: 'again', error: '', attempt: 1 },
          );
          return outcome;
        },
      };
      const from = { service: SERVICE, queue: names.deadLetterQueue };
      await replay(tool, quickConsumer, from, { filter: {}, rate: 1e5, decisions, stopping });
    });
    await decisions.end();
    const kept = await record.database.deliveryFailure.findMany({
      where: { eventId: id },
      orderBy: { id: 'asc' },
    });
    expect(kept.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['REPLAYED', 'handler_failed'],
      ['DEAD_LETTERED', 'again'],
    ]);
  });

  it('are put on record each, whatever a stranger says of itself', async () => {
    const ids = [newId(), newId()];
    const odd = { 'x-attempts': 3_000_000_000, 'x-reason': 'r', 'x-last-failed-at': 'never' };
    broker.channel.publish(SERVICE, 'dlq', Buffer.from('{}'), {
      persistent: true,
      messageId: ids[0],
      type: 'no\0type',
      headers: odd,
    });
    park({ id: ids[1], reason: 'r' });
    await parked(2);
    expect(await dlq('discard --all --yes')).toMatchObject({ code: 0, warned: [] });
    expect(
      await record.database.deliveryFailure.count({ where: { eventId: { in: ids }, outcome: 'DISCARDED' } }),
    ).toBe(2);
  });

  it('are on record as the consumer calls them, which does not read every body', async () => {
    const unread = orderCancelled(newId());
    const renamed = { ...orderCancelled(newId()), id: 'no. 17', source: '/another-shop' };
    for (const event of [unread, renamed])
      broker.channel.publish(SERVICE, 'dlq', Buffer.from(JSON.stringify(event)), {
        contentEncoding: event === unread ? 'br' : undefined,
        headers: { 'x-reason': 'as called' },
      });
    await parked(2);
    await dlq('discard --all --yes');
    const parsed = parseMessage(Buffer.from(JSON.stringify(renamed)), () => true);
    expect(parsed.ok && parsed.event.id).not.toBe(renamed.id);
    const kept = await record.database.deliveryFailure.findMany({
      where: { reason: 'as called' },
      orderBy: { id: 'asc' },
    });
    expect(kept.map(({ eventId }) => eventId)).toEqual([null, parsed.ok && parsed.event.id]);
  });

  it('are replayed also where foreign headers cannot be written again, and hold up nobody behind them', async () => {
    const unencodable = [
      { meta: { '!': 'urgent' } },
      Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`h${n}`, 'x'.repeat(1_000)])),
    ];
    for (const headers of unencodable)
      await broker.manage('POST', '/api/exchanges/{vhost}/amq.default/publish', {
        routing_key: names.deadLetterQueue,
        payload: 'odd',
        payload_encoding: 'string',
        properties: { headers },
      });
    await parked(2);
    park({ id: 'behind', reason: 'r' });
    await parked(3);
    expect(await dlq('replay --all')).toMatchObject({ code: 0, text: expect.stringContaining('3 replayed') });
    expect((await drain(names.queue)).map(({ body }) => body)).toEqual(
      expect.arrayContaining(['odd', 'odd', '{}']),
    );
    expect(await broker.isEmpty(names.deadLetterQueue)).toBe(true);
  });

  it('are not passed over when they come late: while the reader says that it has enough', async () => {
    for (let n = 0; n < 40; n++) park({ id: `m${n}`, reason: 'r' });
    await parked(40);
    const seen: string[] = [];
    await withBroker(broker.url, 'test', async (tool) => {
      const channel = await tool.openChannel();
      const window: Window = { channel: slow(channel), read: 0, held: 0, since: Date.now() };
      await readWindow(window, names.deadLetterQueue, readerOf(seen), {
        size: 100,
        limit: 40,
        until: Date.now() + 60_000,
        progress: () => undefined,
      });
      expect(window).toMatchObject({ read: 40, held: 0 });
    });
    expect(seen).toEqual(Array.from({ length: 40 }, (_, n) => `m${n}`));
    expect(await broker.isEmpty(names.deadLetterQueue)).toBe(true);
  });

  const readerOf = (seen: string[]): Reader => ({
    windowSize: 100,
    wants: () => true,
    settle: (taken) => {
      for (const { message, acknowledge } of taken) {
        seen.push(String(message.properties.messageId));
        acknowledge();
      }
      return Promise.resolve();
    },
  });

  /** A channel whose first deliveries arrive only when the consumer is cancelled. */
  function slow(channel: Channel): Channel {
    const late: (() => void)[] = [];
    let isSlow = true;
    const some: Pick<Channel, 'prefetch' | 'ack' | 'cancel'> & { consume: unknown } = {
      prefetch: (count) => channel.prefetch(count),
      ack: (message) => channel.ack(message),
      consume: (queue: string, listener: (message: ConsumeMessage | null) => void) =>
        channel.consume(queue, (message) =>
          isSlow ? void late.push(() => listener(message)) : listener(message),
        ),
      cancel: async (tag: string) => {
        isSlow = false;
        for (const deliver of late.splice(0)) deliver();
        return channel.cancel(tag);
      },
    };
    return some as Channel;
  }

  it('two at once do no harm', async () => {
    for (let n = 0; n < 600; n++) park({ id: `m${n}`, reason: 'r' });
    await parked(600);
    await Promise.all([dlq('replay --all --rate 5000'), dlq('replay --all --rate 5000'), dlq('list')]);
    await dlq('replay --all --rate 5000');
    const ids = (await drain(names.queue)).map(({ id }) => id);
    expect(ids).toHaveLength(600);
    expect(new Set(ids).size).toBe(600);
    expect(await broker.isEmpty(names.deadLetterQueue)).toBe(true);
  });

  it('keep the messages when the service has no queue, or its queue refuses them', async () => {
    park({ id: 'm', reason: 'r' });
    await parked(1);
    await broker.channel.unbindQueue(names.queue, names.exchange, 'work');
    await expect(dlq('replay --all')).rejects.toThrow('has no queue to go back to');
    await broker.channel.deleteQueue(names.queue);
    await broker.channel.assertQueue(names.queue, {
      durable: true,
      arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' },
    });
    await broker.channel.bindQueue(names.queue, names.exchange, 'work');
    expect(await dlq('replay --all')).toMatchObject({ code: 1, text: expect.stringContaining('refused 1') });
    expect((await drain(names.deadLetterQueue)).map(({ id }) => id)).toEqual(['m']);
  });

  it('say which service has no dead letters here', async () => {
    await expect(dlq('replay --service nobody-service')).rejects.toThrow(
      /no dead-letter queue of nobody-service/,
    );
  });
});
