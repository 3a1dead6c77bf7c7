import { gzipSync } from 'node:zlib';
import type { Random } from '../testbed/random';
import { toJson, type BadMessage } from './bad-message';
import { anyEvent, type Draft } from './good-events';

type Brew = (random: Random) => BadMessage;

const deep = (open: string, close: string, levels: number, inner = '') =>
  open.repeat(levels) + inner + close.repeat(levels);
const bytes = (random: Random, count: number) =>
  Buffer.from(Array.from({ length: count }, () => random.int(0, 255)));
const MEGABYTE = 1024 * 1024;

/** Text that only looks like JSON, whatever event it is made of. */
const broken: readonly ((text: string, random: Random) => string | Buffer)[] = [
  () => '',
  () => '\ufeff',
  (text) => `\ufeff\ufeff${text}`,
  (text) => `${text}${text}`,
  (text) => `${text},`,
  (text) => text.replaceAll('"', "'"),
  (text) => text.replace('{', '{/* */'),
  (text) => text.replace('"specversion"', 'specversion'),
  (text) => text.replace('"1.0"', '"1.0\n"'),
  (text) => text.replace('"1.0"', '"1.0\0"'),
  (text) => text.replace('"1.0"', '"\\x31"'),
  (text) => text.replace('"1.0"', () => '"1.0\\ud800"'),
  (text) => text.replace('"1.0"', '1.0,}'),
  ...[
    'NaN',
    'Infinity',
    '-Infinity',
    '01',
    '+1',
    '.5',
    '1.',
    '1e',
    '0x10',
    'undefined',
    'None',
    'True',
    '"\\u12"',
    '"',
  ].map((value) => (text: string) => text.replace('"data":{', `"data":${value},"other":{`)),
  (text, random) => text.slice(0, random.int(1, text.length - 1)),
  (text) => Buffer.from(text, 'utf16le'),
  (text) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]),
  (text) => Buffer.from(text.replace('"1.0"', '"1.0é"'), 'latin1'),
  (text) => gzipSync(text),
  (text, random) => Buffer.concat([Buffer.from(text), Buffer.from([random.int(0x80, 0xff)])]),
  (_text, random) => Buffer.concat([Buffer.from([0xff]), bytes(random, random.int(0, 2_000))]),
  () => Buffer.from([0x22, 0xc0, 0xaf, 0x22]), // overlong
  () => Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), // half a surrogate pair in UTF-8
  (_text, random) => deep('[', '', random.int(1, 200_000)),
  (_text, random) => deep('{"a":', '', random.int(1, 40_000)),
];

const noEvents: readonly ((random: Random, event: Draft) => unknown)[] = [
  () => null,
  () => true,
  () => -0,
  (random) => random.next(),
  () => 'an event',
  () => [],
  () => ({}),
  () => ({ hello: 'world' }),
  (_random, event) => [event],
  (_random, event) => [[[event]]],
  (_random, event) => ({ event }),
  (_random, event) => event.data,
  (_random, event) => JSON.stringify(event),
];

const nests = [
  ['[', ']'],
  ['{"a":', '}'],
  ['[{"a":', '}]'],
] as const;
const deepOne = (random: Random) => {
  const [open, close] = random.pick(nests);
  return deep(open, close, random.int(1, 30_000), '1');
};

/** Bodies that are no event of any kind. */
export const badBodies: Record<string, Brew> = {
  'no JSON': (random) => ({
    kind: 'no JSON',
    body: Buffer.from(random.pick(broken)(toJson(anyEvent(random)).toString(), random) as string),
    properties: {},
    reason: 'invalid_json',
  }),
  'no event': (random) => ({
    kind: 'no event',
    body: random.chance(0.3)
      ? Buffer.from(deepOne(random))
      : toJson(random.pick(noEvents)(random, anyEvent(random))),
    properties: {},
    reason: 'invalid_envelope',
  }),
  'too large': (random) => {
    const size = random.chance(0.05) ? random.int(MEGABYTE, 12 * MEGABYTE) : random.int(300_000, MEGABYTE);
    const padded = { ...anyEvent(random), padding: 'x'.repeat(size) };
    return { kind: 'too large', body: toJson(padded), properties: {}, reason: 'too_large' };
  },
  'unreadable content': (random) => {
    const properties = random.pick([
      { contentType: 'application/cloudevents-batch+json' },
      { contentType: 'application/cloudevents+avro' },
      { contentType: 'application/cloudevents+protobuf; charset=utf-8' },
      ...['gzip', 'deflate', 'br', 'zstd', 'compress', 'GZIP', 'identity, gzip'].map((contentEncoding) => ({
        contentEncoding,
      })),
    ]);
    const body = toJson(anyEvent(random));
    return {
      kind: 'unreadable content',
      body: random.chance(0.5) ? gzipSync(body) : body,
      properties,
      reason: 'unsupported_content',
    };
  },
};
