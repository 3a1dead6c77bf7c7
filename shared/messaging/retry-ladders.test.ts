import { connect, type ChannelModel } from 'amqplib';
import type { Handler } from './handler';
import { names, openConsumerBench, SERVICE, soldOut, trace, TYPE } from '../testing/consumer-bench';
import { until } from '../testing/until';
import { declareMesh } from './declare-mesh';
import { inspectQueue } from './loose-channel';
import { parseRetryDelays } from './topology';

// RETRY_DELAYS are changed while events wait for their next attempt, and while instances of both run.

const bench = openConsumerBench();
const upkeep = { tendEveryMs: 100, recordEveryMs: 100 };
let connection: ChannelModel;
beforeEach(async () => {
  connection = await connect(bench.broker.url);
  connection.on('error', () => undefined);
  bench.cleanUp(() => (async () => connection.close())().catch(() => undefined)); // it may have been cut
  await bench.db.database.retryQueue.deleteMany();
  await bench.db.database.consumerProgress.deleteMany();
});
afterEach(() => delete process.env.RETRY_DELAYS);

const migrate = (delays: string) => {
  process.env.RETRY_DELAYS = delays;
  return declareMesh({
    databaseUrl: bench.db.url,
    rabbitmqUrl: bench.broker.url,
    subscriptions: [{ service: SERVICE, types: [TYPE] }],
  });
};
const start = (delays: string, handler: Handler<typeof TYPE> = trace) =>
  bench.start(handler, { retryDelays: parseRetryDelays(delays), upkeep });
const rung = (label: string) => inspectQueue(connection, `${names.queue}.retry.${label}`);
const labels = async () =>
  (await bench.db.database.retryQueue.findMany({ orderBy: { label: 'asc' } })).map(({ label }) => label);
const fails: Handler<typeof TYPE> = () => Promise.reject(new Error('not now'));

it('what waits in a retry queue of before comes back, and the queue goes when it is empty', async () => {
  await migrate('2s,1h');
  const old = await start('2s,1h', fails);
  const event = soldOut();
  bench.publish(event);
  await until('it to wait', async () => ((await rung('2s'))?.messages ?? 0) > 0);
  await old.stop();

  await migrate('3s');
  await start('3s');
  expect((await rung('2s'))?.messages).toBe(1);
  await until('it to be handled', () => bench.processed(event));
  await until('both to go', async () => !(await rung('2s')) && !(await rung('1h')));
  await until('the record to follow', async () => (await labels()).join() === '3s');
  expect(await rung('3s')).toBeDefined();
});

it('one that an instance of before still uses stays, and its retries have a place', async () => {
  await migrate('30ms');
  const old = await start('30ms', fails);
  await migrate('40ms');
  const fresh = await start('40ms');
  bench.publish(...Array.from({ length: 5 }, soldOut));
  const event = soldOut();
  bench.publish(event);
  await until('it to be handled', () => bench.processed(event));
  expect(await rung('30ms')).toBeDefined();
  expect([old.isReady(), fresh.isReady()]).toEqual([true, true]);
  await old.stop();
  await until('it to go', async () => !(await rung('30ms')));
});

it('they stay while an instance of a version lives that does not say which it uses', async () => {
  await migrate('30ms');
  await migrate('40ms');
  await bench.db.database.$executeRaw`
    INSERT INTO consumer_progress (consumer, instance, caught_up_at) VALUES (${SERVICE}, gen_random_uuid(), now())`;
  const consumer = await start('40ms');
  const event = soldOut();
  bench.publish(event);
  await until('it to be handled', () => bench.processed(event));
  await until('it to have looked', () => consumer.deadLetters() !== undefined);
  expect(await rung('30ms')).toBeDefined();
  await bench.db.database.$executeRaw`
    UPDATE consumer_progress SET updated_at = now() - interval '1 minute' WHERE retry_delays IS NULL`;
  await until('it to go', async () => !(await rung('30ms')));
});

it('an instance whose retry queue was deleted all the same declares it again', async () => {
  await migrate('30ms');
  const consumer = await start('30ms');
  await bench.broker.channel.deleteQueue(`${names.queue}.retry.30ms`);
  await until('it to be there again', () => rung('30ms'), 15_000);
  await until('the consumer to be attached', () => consumer.isReady());
});
