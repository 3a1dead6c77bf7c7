import type { Random } from '../testbed/random';
import { encodeTable, RawField, uint64, type Field, type Table } from './field-table';
import type { RawProperties } from './raw-publisher';

const fields = (entries: Record<string, Field>): Table => Object.entries(entries);
/** No NaN and no infinity: the broker itself ends the connection at one. */
const float = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return new RawField('d', bytes);
};
const huge: Field[] = [
  '9'.repeat(400),
  -1,
  0.5,
  float(-0),
  float(5e-324),
  float(1.7e308),
  2 ** 53,
  true,
  null,
  [],
  {},
  new RawField('l', uint64(2n ** 63n)),
];

/** A table in a table in a table: amqplib reads them by recursion. */
function nested(levels: number): Buffer {
  const bytes = Buffer.alloc(levels * 7);
  for (let level = 0; level < levels; level += 1) {
    bytes[level * 7] = 1;
    bytes.write('aF', level * 7 + 1);
    bytes.writeUInt32BE((levels - level - 1) * 7, level * 7 + 3);
  }
  return bytes;
}

const everyTag = fields({
  b: new RawField('b', Buffer.from([0x80])),
  B: new RawField('B', Buffer.from([0xff])),
  s: new RawField('s', Buffer.from([0x80, 0])),
  u: new RawField('u', Buffer.from([0xff, 0xff])),
  I: new RawField('I', Buffer.from([0x80, 0, 0, 0])),
  i: new RawField('i', Buffer.from([0xff, 0xff, 0xff, 0xff])),
  l: new RawField('l', uint64(2n ** 63n)),
  f: new RawField('f', Buffer.from([0x80, 0, 0, 1])),
  d: float(-0),
  D: new RawField('D', Buffer.from([255, 0xff, 0xff, 0xff, 0xff])),
  T: new RawField('T', uint64(2n ** 64n - 1n)),
  x: Buffer.alloc(300, 0xff),
  V: null,
  A: [null, [true, [1.5, { a: [] }]]],
  F: { '': {}, '!': 'urgent', value: float(-0) },
});

/** Headers that change nothing about what is bad; each list has to leave the message its name. */
const oddHeaders: readonly ((random: Random) => Table)[] = [
  (random) => [['x-attempts', random.pick([...huge, 1, 2, 1_000_000, 'many'])]],
  (random) => [['x-reason', random.pick<Field>(['handler_failed', '', 'x'.repeat(70_000), {}, 7])]],
  (random) => [['x-error', random.pick<Field>(['\0', 'x'.repeat(70_000), [], float(-0)])]],
  (random) => [
    ['x-first-failed-at', random.pick<Field>(['\0', 'never', '+275760-09-13T00:00:00.000Z', 7, {}])],
  ],
  (random) => [['x-last-failed-at', random.pick<Field>(['never', -1, 1e300, {}])]],
  (random) => [['x-consumer', random.pick<Field>(['somebody', '__proto__', {}, 7])]],
  (random) => [
    ['x-delivery-count', random.pick(huge)],
    ['x-acquired-count', random.pick(huge)],
  ],
  (random) => [
    [
      random.pick(['__proto__', 'constructor', 'toString', 'hasOwnProperty']),
      random.pick<Field>([{ 'x-attempts': 5, toString: 'x' }, 'x', [], null]),
    ],
  ],
  () => everyTag,
  () => [
    ['!', 'urgent'],
    ['meta', { '!': 'decimal', value: { places: 300, digits: -1 } }],
  ],
  () => [
    [Buffer.alloc(255, 0xff), Buffer.alloc(255, 0xff)],
    ['no text', new RawField('S', Buffer.from([0, 0, 0, 2, 0xff, 0xfe]))],
  ],
  (random) => Array.from({ length: random.int(70, 110) }, (_, n) => [`long-${n}`, 'x'.repeat(1_000)]),
  (random) => Array.from({ length: random.int(1_000, 5_000) }, (_, n) => [`h${n}`, n]),
];

/** Where the broker is to send a copy: to none of these but by us. */
const oddRoutes: readonly Table[] = [
  [['CC', ['work']]],
  [
    ['CC', ['dlq', 'work', '#']],
    ['BCC', ['work']],
  ],
];

/** What RabbitMQ would write itself, about where a message has been. */
const deaths: readonly Field[] = [
  'once',
  7,
  [],
  [{}],
  ['a', 1, null],
  { queue: 'x' },
  [
    {
      queue: '#',
      reason: '__proto__',
      count: 2 ** 53,
      time: new RawField('T', uint64(2n ** 64n - 1n)),
      exchange: '',
      'routing-keys': ['work'],
    },
  ],
];

const anyBytes = Buffer.alloc(255, 0xff);
const oddProperties: readonly ((random: Random) => RawProperties)[] = [
  (random) => ({
    contentType: random.pick<string | Buffer>([
      '',
      'text/plain',
      'APPLICATION/JSON',
      'application/json; charset=utf-16',
      'application/octet-stream',
      anyBytes,
    ]),
  }),
  (random) => ({
    contentEncoding: random.pick<string | Buffer>(['', 'utf-8', 'identity', 'rot13', anyBytes]),
  }),
  () => ({ deliveryMode: 1 }),
  (random) => ({ priority: random.int(0, 255) }),
  (random) => ({ correlationId: random.pick<string | Buffer>(['', 'x'.repeat(255), anyBytes, '\0']) }),
  (random) => ({ replyTo: random.pick<string | Buffer>(['order-api', '__proto__', anyBytes]) }),
  (random) => ({ timestamp: random.pick([0n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) }),
  (random) => ({ type: random.pick<string | Buffer>(['constructor', 'order.placed.v1', anyBytes, '\0']) }),
  (random) => ({ appId: random.pick<string | Buffer>(['order-api', anyBytes]) }),
];

/** What a message has beside what is bad about it. */
export interface OddProperties {
  properties: RawProperties;
  /** Whether it is to be put only where it is delivered at once: the broker itself would stumble over its `x-death`. */
  isForConsumers: boolean;
}

/** A few odd properties, and the mark by which the message is known again. */
export function dressOddly(random: Random, mark: string): OddProperties {
  const properties: RawProperties = { messageId: mark };
  for (let count = random.int(0, 3); count > 0; count -= 1)
    Object.assign(properties, random.pick(oddProperties)(random));
  const headers: (readonly [string | Buffer, Field])[] = [[MARK, mark]];
  for (let count = random.int(0, 2); count > 0; count -= 1) headers.push(...random.pick(oddHeaders)(random));
  if (random.chance(0.1)) headers.push(...random.pick(oddRoutes));
  const isForConsumers = random.chance(0.1);
  if (isForConsumers) headers.push(['x-death', random.pick(deaths)]);
  if (random.chance(0.03))
    return { properties: { ...properties, headerBytes: nested(random.int(100, 18_000)) }, isForConsumers };
  if (random.chance(0.03))
    return {
      properties: { ...properties, messageId: anyBytes, headers: [[MARK, mark]] },
      isForConsumers: false,
    };
  const fits = encodeTable(headers).length < MOST_HEADER_BYTES;
  return {
    properties: { ...properties, headers: fits ? headers : headers.slice(0, 1) },
    isForConsumers: isForConsumers && fits,
  };
}

/** A header, beside the message's id: one of the two comes through everything. */
export const MARK = 'x-fuzz';
/** A frame has no room for more. */
const MOST_HEADER_BYTES = 125_000;
