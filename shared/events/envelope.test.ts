import { newId } from '../ids';
import { isEventType } from './contracts';
import { parseMessage, type ParsedMessage } from './envelope';
import type { MessageProperties } from './message-modes';

const TYPE = 'inventory.out_of_stock.v1';
const data = {
  menu_item_id: newId(),
  restaurant_id: newId(),
  name: 'Dal',
  available_qty: 0,
  low_stock_threshold: 1,
};
const bare = { specversion: '1.0', id: newId(), source: 'https://shop.example/pos', type: TYPE, data };

const read = (event: unknown, properties: MessageProperties = {}): ParsedMessage =>
  parseMessage(
    Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)),
    isEventType,
    properties,
  );
const good = (event: unknown, properties?: MessageProperties) => {
  const parsed = read(event, properties);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.event;
};
const bad = (event: unknown, properties?: MessageProperties) => {
  const parsed = read(event, properties);
  return parsed.ok ? 'accepted' : `${parsed.reason} ${parsed.error}`;
};

test('attributes that are null count as absent', () => {
  const nulls = { subject: null, time: null, datacontenttype: null, correlationid: null, causationid: null };
  expect(good({ ...bare, ...nulls, traceparent: null, dataschema: null, data_base64: null })).toMatchObject({
    subject: data.menu_item_id,
    correlationid: bare.id,
    causationid: undefined,
  });
  expect(bad({ ...bare, id: null })).toContain('/id');
});

test.each([
  ['2026-11-25t08:30:00z', '2026-11-25T08:30:00.000Z'],
  ['2026-11-25T08:30:00.123456789+05:30', '2026-11-25T03:00:00.123Z'],
  ['2026-11-25 08:30:00-08:00', '2026-11-25T16:30:00.000Z'],
  ['2026-11-25T08:30:00-00:00', '2026-11-25T08:30:00.000Z'],
  ['2016-12-31T23:59:60Z', '2016-12-31T23:59:59.000Z'],
])('a time is read as RFC 3339 has it: %s', (time, iso) => {
  expect(good({ ...bare, time }).time).toBe(iso);
});

test.each([
  '2026-02-30T00:00:00Z',
  '2026-11-25',
  '2026-11-25T08:30:00',
  'today',
  '2026-11-25T24:00:00Z',
  1764,
])('what is no time is refused: %s', (time) =>
  expect(bad({ ...bare, time })).toContain('invalid_envelope /time'),
);

test.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'text/json', 'application/vnd.shop+json'])(
  'data may say in other words that it is JSON: %s',
  (datacontenttype) => expect(good({ ...bare, datacontenttype }).data).toEqual(data),
);

test('data of another kind, or in two places, is refused by name', () => {
  expect(bad({ ...bare, datacontenttype: 'application/xml' })).toContain('application/xml is not supported');
  const data_base64 = Buffer.from(JSON.stringify(data)).toString('base64');
  expect(good({ ...bare, data: undefined, data_base64 }).data).toEqual(data);
  expect(bad({ ...bare, data_base64 })).toContain('not both');
  expect(bad({ ...bare, data: undefined, data_base64: '!!' })).toContain('Base64');
});

test('ids are any text, and one of two sources is two events', () => {
  const ids = [
    ['/a', '1'],
    ['/b', '1'],
    ['/a', '2'],
    ['/a', '漢 '],
  ].map(([source, id]) => good({ ...bare, source, id }).id);
  expect(new Set(ids).size).toBe(4);
  for (const id of ids)
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(good({ ...bare, source: '/a', id: '1' }).id).toBe(ids[0]);
  expect(good({ ...bare, id: bare.id.toUpperCase() }).id).toBe(bare.id);
});

test('extensions may be of any legal kind', () => {
  const event = good({
    ...bare,
    correlationid: 42,
    causationid: 'cause-1',
    traceparent: true,
    Odd_Name: {},
    n: -1,
  });
  expect(event).toMatchObject({ correlationid: '42', causationid: undefined });
  expect(good({ ...bare, correlationid: '漢'.repeat(86) }).correlationid).toBe(bare.id); // 258 bytes
});

test('a byte order mark and a charset do no harm', () => {
  const contentType = 'application/cloudevents+json; charset=UTF-8';
  expect(good(`\ufeff${JSON.stringify(bare)}`, { contentType }).id).toBe(bare.id);
});

describe.each(['cloudEvents:', 'cloudEvents_'])('binary content mode with %s', (prefix) => {
  const headers = {
    [`${prefix}specversion`]: '1.0',
    [`${prefix}id`]: 'b-1',
    [`${prefix}source`]: '/pos',
    [`${prefix}type`]: TYPE,
    [`${prefix}time`]: { '!': 'timestamp', value: 1_764_000_000 },
    [`${prefix}correlationid`]: 7,
    other: 'header',
  };
  test('is read', () => {
    expect(good(data, { contentType: 'application/json; charset=utf-8', headers })).toMatchObject({
      type: TYPE,
      source: '/pos',
      time: new Date(1_764_000_000_000).toISOString(),
      correlationid: '7',
      data,
    });
    expect(good(data, { headers }).subject).toBe(data.menu_item_id);
  });
  test('is refused by name where its data is not JSON', () => {
    expect(bad('<a/>', { contentType: 'text/xml', headers })).toContain(
      'unsupported_content binary content mode',
    );
    expect(bad('<a/>', { headers })).toContain('invalid_json');
    expect(bad(data, { headers: { ...headers, [`${prefix}id`]: undefined } })).toContain('/id');
  });
});

test('what is not supported is named', () => {
  expect(bad([bare], { contentType: 'application/cloudevents-batch+json' })).toContain('batch');
  expect(bad([bare])).toContain('batch');
  expect(bad(bare, { contentType: 'application/cloudevents+avro' })).toContain('cloudevents+avro');
  expect(bad(bare, { contentEncoding: 'gzip' })).toContain('gzip');
  expect(bad({ ...bare, specversion: '0.3' })).toContain('only version 1.0');
});

describe('what no table, log or header could hold', () => {
  it('is refused also within data_base64', () => {
    const text = JSON.stringify({ ...data, name: 'a\0b' });
    const event = { ...bare, data: undefined, data_base64: Buffer.from(text).toString('base64') };
    expect(bad(event)).toContain('invalid_json /data_base64: it has a NUL');
  });

  it('is refused as a source', () => {
    expect(bad({ ...bare, source: 'ü'.repeat(1_025) })).toContain('invalid_envelope /source');
    expect(good({ ...bare, source: 'ü'.repeat(1_024) }).source).toHaveLength(1_024);
  });

  it('is cut in what is said of a message', () => {
    const parsed = read({ ...bare, type: 'x'.repeat(100_000), subject: 'y'.repeat(100_000) });
    if (parsed.ok) throw new Error('accepted');
    for (const text of [parsed.type, parsed.subject, parsed.error]) expect(text?.length).toBeLessThan(500);
  });

  it('is found however deep it is', () => {
    const deep = (inner: string) => `{"extension":${'['.repeat(50_000)}${inner}${']'.repeat(50_000)},`;
    const event = (inner: string) => JSON.stringify(bare).replace('{', deep(inner));
    expect(bad(event('"\\u0000"'))).toContain('NUL');
    expect(good(event('"\\u0001"')).id).toBe(bare.id);
  });
});

test('a time in a header that is past every time is no time', () => {
  const headers = {
    'cloudEvents:specversion': '1.0',
    'cloudEvents:id': 'x',
    'cloudEvents:source': '/pos',
    'cloudEvents:type': TYPE,
    'cloudEvents:time': { '!': 'timestamp', value: 1.8e19 },
  };
  expect(bad(data, { contentType: 'application/json', headers })).toContain('invalid_envelope /time');
});
