import { gate, names, openConsumerBench, SERVICE, soldOut, trace } from '../testing/consumer-bench';
import { until } from '../testing/until';
import { recordWith, type Span } from '../tracing/span';
import { newSpanId, newTraceId } from '../tracing/trace-context';
import { PermanentError } from './failure';

// How attempts, duplicates and bad neighbours show in traces, on a real RabbitMQ and PostgreSQL.

const bench = openConsumerBench();
let spans: Span[];

beforeEach(() => {
  spans = [];
  recordWith({
    samples: (_, parent) => parent !== undefined,
    clock: (now) => performance.timeOrigin + now,
    take: (span) => void spans.push(span),
  });
});
afterEach(() => recordWith(undefined));

/** An event that was made under some span, and sent under another, which its message names. */
function sent() {
  const event = soldOut();
  const [traceId, made, sending] = [newTraceId(), newSpanId(), newSpanId()];
  event.traceparent = `00-${traceId}-${made}-01`;
  const publish = () =>
    bench.broker.channel.sendToQueue(names.queue, Buffer.from(JSON.stringify(event)), {
      headers: { traceparent: `00-${traceId}-${sending}-01` },
    });
  return { event, traceId, made, sending, publish };
}

const attribute = (span: Span, name: string) => {
  const at = span.attributes.findIndex((one, index) => index % 2 === 0 && one === name);
  return at < 0 ? undefined : span.attributes[at + 1];
};
const handlings = (traceId: string) =>
  spans.filter((span) => span.name === `process ${SERVICE}` && span.traceId === traceId);
const outcomes = (traceId: string) => handlings(traceId).map((span) => attribute(span, 'ordermesh.outcome'));

it('each attempt is a span beneath the sending, and says which it was and how it ended', async () => {
  let left = 1;
  await bench.start(async (tx, events) => {
    if (left-- > 0) throw new Error('not yet');
    return trace(tx, events);
  });
  const { traceId, sending, publish, event } = sent();
  publish();
  await until('it', () => handlings(traceId).length === 2);
  publish();
  await until('the duplicate', () => handlings(traceId).length === 3);
  expect(outcomes(traceId)).toEqual(['retried', 'handled', 'duplicate']);
  const [failed, handled] = handlings(traceId);
  expect(handlings(traceId).map(({ parentId }) => parentId)).toEqual([sending, sending, sending]);
  expect(failed).toMatchObject({ errorType: 'handler_failed', errorText: 'not yet' });
  expect(attribute(failed!, 'ordermesh.attempt')).toBeUndefined();
  expect(attribute(handled!, 'ordermesh.attempt')).toBe(2);
  expect(handled?.errorType).toBeUndefined();
  // What follows is beneath the attempt that it follows from, and says so in the outbox.
  const created = spans.find((span) => span.name === 'create ordermesh.events')!;
  expect(created).toMatchObject({ traceId, parentId: handled!.spanId });
  const row = await bench.db.database.outboxEvent.findFirstOrThrow({ where: { causationId: event.id } });
  expect(row.body).toMatchObject({ traceparent: created.traceparent });
  const statements = spans.filter(({ parentId }) => parentId === failed!.spanId).map(({ name }) => name);
  expect(statements).toEqual(['BEGIN', 'INSERT processed_events', 'ROLLBACK']);
});

it('of a batch with a bad one, the bad one alone has failed; all of them lead to the batch that did', async () => {
  const hold = gate();
  let isFirst = true;
  const good = [sent(), sent()];
  const bad = sent();
  await bench.start(async (tx, events) => {
    if (isFirst) {
      isFirst = false;
      await hold.passed;
    }
    if (events.some(({ id }) => id === bad.event.id)) throw new PermanentError('sold_twice', 'it is bad');
    return trace(tx, events);
  });
  const ahead = sent();
  ahead.publish();
  await until('the first is in hand', () => !isFirst);
  for (const { publish } of [good[0]!, bad, good[1]!]) publish();
  await until(
    'the others wait',
    async () => (await bench.broker.channel.checkQueue(names.queue)).messageCount === 0,
  );
  hold.open();
  for (const { traceId } of [ahead, ...good]) await until('it', () => outcomes(traceId)[0] === 'handled');
  await until('the bad one', () => outcomes(bad.traceId)[0] === 'dead_lettered');
  const [batch, ...others] = spans.filter(({ name }) => name === `process batch ${SERVICE}`);
  expect(others).toEqual([]);
  expect(batch).toMatchObject({ parentId: undefined, errorType: 'PermanentError' });
  const messages = [good[0]!, bad, good[1]!].map(({ traceId, sending: spanId }) => ({ traceId, spanId }));
  expect(batch!.links).toMatchObject(messages);
  for (const { traceId } of messages) {
    expect(handlings(traceId)).toHaveLength(1);
    expect(handlings(traceId)[0]?.links).toEqual([batch]);
  }
  expect(handlings(bad.traceId)[0]).toMatchObject({ errorType: 'sold_twice' });
  expect(handlings(good[1]!.traceId)[0]?.errorType).toBeUndefined();
});

it('without a header it is beneath the making; what is not sampled, or senseless, has no span', async () => {
  await bench.start(trace);
  const made = sent();
  const [unsampled, senseless] = [soldOut(), soldOut()];
  unsampled.traceparent = `00-${newTraceId()}-${newSpanId()}-00`;
  senseless.traceparent = 'senseless';
  recordWith({
    samples: (_, parent) => ((parent?.flags ?? 0) & 1) === 1,
    clock: (now) => now,
    take: (span) => void spans.push(span),
  });
  bench.publish(unsampled, senseless, made.event);
  for (const event of [unsampled, senseless, made.event])
    await until('it', async () => (await bench.processed(event)) === 1);
  await until('its span', () => handlings(made.traceId).length === 1);
  expect(handlings(made.traceId)[0]).toMatchObject({ parentId: made.made });
  expect(
    new Set(spans.filter(({ name }) => name === `process ${SERVICE}`).map(({ traceId }) => traceId)),
  ).toEqual(new Set([made.traceId]));
  const next = await bench.db.database.outboxEvent.findFirstOrThrow({ where: { causationId: unsampled.id } });
  expect(next.body).toMatchObject({ traceparent: unsampled.traceparent });
});
