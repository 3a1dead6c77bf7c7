import fc from 'fast-check';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { pino } from 'pino';
import { startOtlpReceiver, type OtlpReceiver } from '../testing/otlp-receiver';
import { until } from '../testing/until';
import { encodeJson } from './encode-json';
import { encodeProtobuf } from './encode-protobuf';
import { exportSpans, type Exporter, type ExportOptions } from './export-spans';
import { Common, KIND, Span, type Kind, type Recorder, type Value } from './span';
import { newTraceId } from './trace-context';

let receiver: OtlpReceiver;
let exporter: Exporter;
let lines: { msg: string; error?: string }[];

beforeEach(async () => {
  receiver = await startOtlpReceiver();
  lines = [];
});
afterEach(async () => {
  await exporter.stop(100);
  await receiver.stop();
});

function open(more: Partial<ExportOptions> = {}): void {
  const log = pino({}, { write: (line) => void lines.push(JSON.parse(line) as { msg: string }) });
  exporter = exportSpans({
    url: new URL(`${receiver.url}/v1/traces`),
    headers: { 'x-key': 'a' },
    encoding: encodeProtobuf,
    origin: { resource: { 'service.name': 'tested' }, scope: { name: 'ordermesh', version: '1' } },
    log,
    timeoutMs: 2_000,
    delayMs: 10,
    compress: false,
    ...more,
  });
}

const recorder = (): Recorder => ({
  samples: () => true,
  clock: (now) => performance.timeOrigin + now,
  take: (span) => exporter.take(span),
});
const span = (name = 'work', kind: Kind = KIND.internal, parent?: Span, common?: Common) =>
  new Span(name, kind, parent?.traceId ?? newTraceId(), parent, common, recorder());
const names = () => receiver.spans.map(({ name }) => name);

describe.each([
  ['http/protobuf', encodeProtobuf],
  ['http/json', encodeJson],
])('%s', (_, encoding) => {
  it.each([false, true])('says what a span is (compressed: %p)', async (compress) => {
    open({ encoding, compress });
    const parent = span('parent');
    const child = span('child', KIND.client, parent, new Common({ 'db.system.name': 'postgresql' }))
      .set('count', 300)
      .set('share', 0.25)
      .set('below', -1)
      .set('large', Number.MAX_SAFE_INTEGER)
      .set('is', true)
      .set('nothing', undefined)
      .link(parent)
      .fail('55P03', 'no lock');
    child.end();
    child.end();
    child.set('late', 1);
    await until('the span', () => receiver.spans[0]);
    expect(receiver.spans).toHaveLength(1);
    expect(receiver.spans[0]).toMatchObject({
      service: 'tested',
      traceId: parent.traceId,
      spanId: child.spanId,
      parentId: parent.spanId,
      name: 'child',
      kind: 'client',
      links: [{ traceId: parent.traceId, spanId: parent.spanId }],
      status: { code: 2, message: 'no lock' },
    });
    expect(receiver.spans[0]?.attributes).toEqual({
      'db.system.name': 'postgresql',
      count: 300,
      share: 0.25,
      below: -1,
      large: Number.MAX_SAFE_INTEGER,
      is: true,
      'error.type': '55P03',
    });
    expect(receiver.spans[0]!.start / 1_000n).toBe(BigInt(Math.round(child.startedAt * 1_000)));
    expect(receiver.requests[0]?.headers['x-key']).toBe('a');
  });

  it('writes any text and number so that a strict receiver reads it', async () => {
    open({ encoding });
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 3_000 }), lonelySurrogates);
    const number = fc.double().map((each) => each + 0); // -0 is written as the integer 0
    const value = fc.oneof(text, number, fc.integer(), fc.boolean());
    const attributesOf = fc.dictionary(fc.string(), value, { maxKeys: 8 });
    const isKept = (each: Value) =>
      encoding === encodeProtobuf || typeof each !== 'number' || Number.isFinite(each);
    const some = fc.array(fc.tuple(text, attributesOf), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(some, async (given) => {
        const before = receiver.spans.length;
        for (const [name, attributes] of given) {
          const one = span(name);
          for (const [key, each] of Object.entries(attributes)) one.set(key, each);
          one.end();
        }
        await until('them', () => receiver.spans.length - before === given.length);
        for (const [index, [name, attributes]] of given.entries()) {
          const read = receiver.spans[before + index]!;
          expect(read.name).toBe(cut(name));
          for (const [key, each] of Object.entries(attributes))
            if (isKept(each)) expect([key, read.attributes[key.toWellFormed()]]).toEqual([key, cut(each)]);
        }
      }),
      { numRuns: 12 },
    );
  });
});

/** As it is sent: not too long, and all of it UTF-8. */
const cut = (each: Value) => (typeof each === 'string' ? each.slice(0, 2_048).toWellFormed() : each);

const lonelySurrogates = fc.constantFrom('\ud800', 'a\udc00b', `${'x'.repeat(2_047)}\u{1f600}`, 'ä\ud83d');

it('a receiver that is overloaded is asked again; one that refuses is not', async () => {
  open();
  let refusals = 1;
  receiver.misbehave((_request, response) => {
    if (refusals-- <= 0) return false;
    response.writeHead(503, { 'retry-after': '0' }).end();
    return true;
  });
  span('waits').end();
  await until('it', () => names().includes('waits'));
  receiver.misbehave((_request, response) => {
    response.writeHead(400).end('what is this');
    return true;
  });
  const before = receiver.requests.length;
  span('refused').end();
  await until('it was tried', () => receiver.requests.length > before);
  receiver.misbehave(undefined);
  span('next').end();
  await until('the next', () => names().includes('next'));
  expect(names()).toEqual(['waits', 'next']);
  await until('all to be said', () => lines.length === 4);
  expect(lines.map(({ msg }) => msg)).toEqual([
    'traces cannot be sent',
    'traces are sent again',
    'traces cannot be sent',
    'traces are sent again',
  ]);
});

it('a connection that the receiver closes while it is idle loses nothing, and is no trouble', async () => {
  open();
  for (let count = 1; count <= 5; count += 1) {
    receiver.misbehave((request) => {
      request.socket.once('drain', () => undefined);
      setImmediate(() => setImmediate(() => request.socket.destroy()));
      return false;
    });
    span(`${count}`).end();
    await until('it', () => names().includes(`${count}`));
  }
  expect(names().sort()).toEqual(['1', '2', '3', '4', '5']);
});

it('what a receiver that hangs leaves waiting has a bound, and is sent when it is well', async () => {
  open({ timeoutMs: 300, most: 200_000 });
  receiver.misbehave(() => true);
  const longest = 'x'.repeat(2_000);
  for (let count = 0; count < 20_000; count += 1) span('one of many').set('text', longest).end();
  await until('it hangs', () => receiver.requests.length > 0);
  const sent = receiver.requests.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(sent).toBeLessThan(1_000_000);
  receiver.misbehave(undefined);
  await until('what had waited', () => names().includes('one of many'), 60_000);
  // Taken as soon as there is room again.
  const later = () => {
    span('later').end();
    return names().includes('later');
  };
  await until('what came later', later, 60_000);
  expect(names().length).toBeLessThan(1_000);
});

describe('a receiver that takes no end of it', () => {
  let server: Server;
  afterEach(() => server.close());

  it.each([
    ['says nothing', () => undefined],
    ['says a byte at a time', (socket: { write(text: string): void }) => socket.write('HTTP/1.1 200 OK\r\n')],
  ])('and %s holds up no stop', async (_, answer) => {
    server = createServer(
      (socket) => void socket.on('error', () => undefined).on('data', () => answer(socket)),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    open({ url: new URL(`http://127.0.0.1:${port}/`), timeoutMs: 60_000 });
    const connected = once(server, 'connection');
    span().end();
    await connected;
    const from = performance.now();
    await exporter.stop(200);
    expect(performance.now() - from).toBeLessThan(20_000); // and not a minute
    expect(lines.at(-1)?.msg).toBe('stopping before all traces were sent');
  });

  it('is not there: the work goes on, and it is said once', async () => {
    server = createServer();
    open({ url: new URL('http://127.0.0.1:9/') });
    for (let count = 0; count < 10; count += 1) span().end();
    await until('it is said', () => lines.length > 0);
    span().end();
    await exporter.stop(1_000);
    expect(lines.filter(({ msg }) => msg === 'traces cannot be sent')).toHaveLength(1);
    expect(lines[0]?.error).toMatch(/ECONNREFUSED/);
  });
});

it('what is left is sent at the end', async () => {
  open({ delayMs: 60_000 });
  span('last').end();
  await exporter.stop(10_000);
  expect(names()).toEqual(['last']);
  span('too late').end();
  expect(names()).toEqual(['last']);
});
