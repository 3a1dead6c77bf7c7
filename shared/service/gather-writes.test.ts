import { Writable } from 'node:stream';
import { connect } from 'amqplib';
import { createTestBroker, type TestBroker } from '../testing/test-broker';
import { gatherWrites } from './gather-writes';

/** What leaves it at a time, in chunks. */
function recorded() {
  const left: number[] = [];
  const stream = new Writable({
    write: (_chunk, _encoding, done) => {
      left.push(1);
      done();
    },
    writev: (chunks, done) => {
      left.push(chunks.length);
      done();
    },
  });
  gatherWrites({ connection: { stream } });
  return { stream, left };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what is written in one go leaves together, and what comes later by itself', async () => {
  const { stream, left } = recorded();
  for (const text of ['a', 'b', 'c']) stream.write(text);
  expect(left).toEqual([]);
  await turn();
  expect(left).toEqual([3]);
  stream.write('d');
  await turn();
  expect(left).toEqual([3, 1]);
});

test('what is written last leaves before the end', async () => {
  const { stream, left } = recorded();
  stream.write('a');
  stream.write('b');
  await new Promise<void>((resolve) => stream.end(resolve));
  expect(left).toEqual([2]);
});

describe('with a broker', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await createTestBroker();
  });
  afterAll(() => broker.drop());

  test('amqplib has its socket where it is looked for, and messages published in one go share their writes', async () => {
    const connection = await connect(broker.url);
    const { stream } = connection.connection as unknown as { stream: Writable };
    gatherWrites(connection);
    const channel = await connection.createConfirmChannel();
    const one = jest.spyOn(stream, '_write');
    const several = jest.spyOn(stream, '_writev' as '_write');
    for (let n = 0; n < 50; n += 1) channel.publish('', 'nobody', Buffer.from('{}'));
    await channel.waitForConfirms();
    expect(one.mock.calls.length + several.mock.calls.length).toBeLessThan(10);
    await connection.close();
  });
});
