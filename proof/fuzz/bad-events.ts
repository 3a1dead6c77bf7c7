import { eventData, type EventType } from '../../shared/events/contracts';
import { newId } from '../../shared/ids';
import type { Random } from '../testbed/random';
import { RawJson, toJson, type BadMessage } from './bad-message';
import { anyEvent, type Draft } from './good-events';

type Brew = (random: Random) => BadMessage;

const raw = (text: string) => new RawJson(text);
/** Names that are there before anybody has put them in. */
const INHERITED = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
];

const badAttributes: readonly ((random: Random) => Record<string, unknown>)[] = [
  (random) => ({
    specversion: random.pick(['0.3', '1.1', '2.0', '1', '', '1.0 ', 1, raw('1.0'), null, {}, ['1.0']]),
  }),
  (random) => ({ id: random.pick(['', 7, raw('1e400'), null, {}, [], true]) }),
  (random) => ({
    source: random.pick([
      '',
      7,
      null,
      {},
      ['/a'],
      false,
      Array.from({ length: 80 }, () => newId()).join('/'),
    ]),
  }),
  (random) => ({
    type: random.pick<unknown>(['', 7, null, {}, ['order.placed.v1'], { toString: 'order.placed.v1' }]),
  }),
  (random) => ({ subject: random.pick(['', 7, {}, [], true]) }),
  (random) => ({ datacontenttype: random.pick(['', 7, {}, [], true]) }),
  (random) => ({
    time: random.pick([
      '',
      0,
      1_764_144_000,
      true,
      {},
      'now',
      '2026-11-25',
      '2026-11-25T08:30:00',
      '20261125T083000Z',
      '2026-02-30T00:00:00Z',
      '0000-01-01T00:00:00Z',
      '0001-01-01T00:00:00+23:59',
      '9999-12-31T23:59:59-23:59',
      '10000-01-01T00:00:00Z',
      '+275760-09-13T00:00:00.000Z',
      '-000001-01-01T00:00:00Z',
      '2026-11-25T24:00:00Z',
      '2026-11-25T23:60:00Z',
      '2026-11-25T08:30:00+24:00',
      `2026-11-25T08:30:00.${'9'.repeat(50)}`,
      '٢٠٢٦-11-25T08:30:00Z',
    ]),
  }),
];

/** Looked at when the type is known. */
const badContents: readonly ((random: Random) => Record<string, unknown>)[] = [
  (random) => ({
    datacontenttype: random.pick(['text/xml', 'application/xml', 'json', 'application/jsonx', ' ']),
  }),
  (random) => ({ data_base64: random.pick(['', 'e30=', '***', 7, {}]) }), // beside data
  (random) => ({ data: undefined, data_base64: random.pick(['***', 'e30', 'e3==0', 7, {}, [], true]) }),
];

const noTypes = (random: Random, type: EventType): string =>
  random.pick([
    ...INHERITED,
    type.toUpperCase(),
    ` ${type}`,
    `${type}\n`,
    `${type}\u200b`,
    type.replace('.v1', ''),
    ...['v0', 'v2', 'v01', 'V1', 'v1.1', 'v99', 'v9007199254740993', 'v-1', 'v'].map((version) =>
      type.replace('v1', version),
    ),
    '#',
    '*',
    '*.v1',
    'ordermesh.events',
    `${'x'.repeat(random.int(300, 200_000))}.v1`,
  ]);

/** In place of a value of any member: none takes one of these. */
const badValues: readonly unknown[] = [
  true,
  {},
  [[]],
  raw('1e400'),
  raw('-1e400'),
  raw('{"__proto__":{"id":1}}'),
  raw('{"constructor":{"prototype":{"x":1}}}'),
  { toString: 'x' },
  { $ne: null },
  [null],
];
const badIds = (id: string) => [
  '',
  'x',
  7,
  null,
  id.replaceAll('-', ''),
  `{${id}}`,
  `urn:uuid:${id}`,
  `${id} `,
  id.slice(1),
  id.replace(/^./, 'g'),
  `${id}${id}`,
  id.replace(/^./, '٠'),
  raw('9007199254740993'),
  ...INHERITED,
];
const badQuantities = [
  0,
  -1,
  1.5,
  raw('-0'),
  1_000_000_001,
  raw('9007199254740993'),
  raw('1e308'),
  raw('1e400'),
  '1',
  null,
  true,
];

function withBadData(random: Random): Draft {
  const event = anyEvent(random);
  const { data } = event;
  const members = Object.keys(data).filter((name) => name in eventData[event.type].shape);
  const ids = members.filter((name) => /^(order|menu_item|payment|adjustment|restaurant)_id$/.test(name));
  const lines = data.items as Record<string, unknown>[] | undefined;
  const choice = random.int(1, 4);
  if (choice === 1 && lines?.[0]) lines[0] = { ...lines[0], quantity: random.pick(badQuantities) };
  else if (choice === 2 && ids.length > 0) {
    const name = random.pick(ids);
    data[name] = random.pick(badIds(String(data[name])));
  } else if (choice === 3)
    event.data = random.pick<unknown>([
      null,
      [],
      'x',
      7,
      true,
      {},
      [data],
      JSON.stringify(data),
    ]) as Draft['data'];
  else data[random.pick(members)] = random.pick(badValues);
  return event;
}

const UNSTORABLE = ['\\u0000', 'a\\u0000b', '\\ud800', '\\udc00\\ud800', 'x\\udfff'];

/** Text that PostgreSQL cannot keep, in a value or a name, of what is read or not. */
function withUnstorableText(random: Random): Draft {
  const event = anyEvent(random);
  const text = raw(`"${random.pick(UNSTORABLE)}"`);
  const place = random.pick([event, event.data]);
  if (random.chance(0.3)) place.extension = raw(`{${text.text}:1}`);
  else place[random.pick(Object.keys(place))] = text;
  return event;
}

function inBase64(random: Random): Pick<BadMessage, 'body' | 'reason' | 'type'> {
  const { data, ...event } = anyEvent(random);
  const isText = random.chance(0.5);
  const text = toJson({ ...data, [random.pick(Object.keys(data))]: raw(`"${random.pick(UNSTORABLE)}"`) });
  const body = isText ? text : Buffer.from(random.pick(['', '{', 'data', '\ufeff\ufeff{}']));
  return {
    body: toJson({ ...event, data_base64: body.toString('base64') }),
    reason: isText ? 'invalid_json' : 'invalid_envelope',
    type: event.type as EventType,
  };
}

/** Events that something is wrong with. */
export const badEvents: Record<string, Brew> = {
  'an attribute': (random) => {
    const body = toJson({ ...anyEvent(random), ...random.pick(badAttributes)(random) });
    return { kind: 'an attribute', body, properties: {}, reason: 'invalid_envelope' };
  },
  content: (random) => {
    const event = anyEvent(random);
    const body = toJson({ ...event, ...random.pick(badContents)(random) });
    return { kind: 'content', body, properties: {}, reason: 'invalid_envelope', type: event.type };
  },
  'a type': (random) => {
    const event = anyEvent(random);
    const body = toJson({ ...event, type: noTypes(random, event.type) });
    return { kind: 'a type', body, properties: {}, reason: 'unknown_type' };
  },
  data: (random) => {
    const event = withBadData(random);
    return { kind: 'data', body: toJson(event), properties: {}, reason: 'invalid_data', type: event.type };
  },
  'unstorable text': (random) => ({
    kind: 'unstorable text',
    body: toJson(withUnstorableText(random)),
    properties: {},
    reason: 'invalid_json',
  }),
  'data in Base64': (random) => ({ kind: 'data in Base64', properties: {}, ...inBase64(random) }),
};
