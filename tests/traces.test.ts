import { newId } from '../shared/ids';
import { startMesh, type Mesh } from '../shared/testing/mesh';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../shared/testing/otlp-receiver';
import type { LogLine } from '../shared/testing/service-process';
import { until } from '../shared/testing/until';

// Orders through the whole mesh, and what a trace store is told of them.

let receiver: OtlpReceiver;
let mesh: Mesh;
let restaurantId: string;
let itemId: string;

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  mesh = await startMesh({
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20a-secret-key',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    },
  });
  ({ restaurantId, itemId } = await mesh.addItem(10_000));
}, 120_000);
afterAll(async () => {
  await mesh?.stop();
  await receiver?.stop();
});

const CLIENTS_SPAN = '00f067aa0ba902b7';
const newTraceId = () => newId().replaceAll('-', '');

/** Places an order in a trace of the test's. @returns the trace's id */
async function placeTraced(
  flags = '01',
  payment?: { method: 'CARD'; token: string },
): Promise<{ orderId: string; traceId: string }> {
  const traceId = newTraceId();
  const { body } = await mesh.ask<{ order_id: string }>(
    'POST',
    '/orders',
    { restaurant_id: restaurantId, items: [{ menu_item_id: itemId, quantity: 1 }], payment },
    { traceparent: `00-${traceId}-${CLIENTS_SPAN}-${flags}`, tracestate: 'vendor=opaque,other=1' },
  );
  return { orderId: body.order_id, traceId };
}

const inTrace = (traceId: string) => receiver.spans.filter((span) => span.traceId === traceId);
const typeOf = (span: ReceivedSpan) =>
  span.attributes['messaging.rabbitmq.destination.routing_key'] as string | undefined;
const isDatabases = (span: ReceivedSpan) => span.attributes['db.system.name'] !== undefined;
const childrenOf = (span: ReceivedSpan) => receiver.spans.filter(({ parentId }) => parentId === span.spanId);

/** The spans below one, as lines: what is below is indented. Beside their name they have the event's type. */
function treeOf(parentId: string, traceId: string, depth = 0): string[] {
  const lines = inTrace(traceId)
    .filter((span) => span.parentId === parentId && !isDatabases(span))
    .map((span) => {
      const type = typeOf(span);
      return {
        span,
        line: `${span.name}${type ? ` (${type})` : ''}, ${span.kind} in ${span.service}`,
      };
    });
  return lines
    .sort((a, b) => (a.line < b.line ? -1 : 1))
    .flatMap(({ span, line }) => [
      `${'  '.repeat(depth)}${line}`,
      ...treeOf(span.spanId, traceId, depth + 1),
    ]);
}

/** Waits until there is this tree in the trace, and then says how it differs if it does not come. */
async function expectTree(traceId: string, expected: string): Promise<void> {
  const lines = expected.split('\n').filter((line) => line.trim());
  const indent = /^ */.exec(lines[0] ?? '')![0].length;
  const wanted = lines.map((line) => line.slice(indent));
  const isThere = () => JSON.stringify(treeOf(CLIENTS_SPAN, traceId)) === JSON.stringify(wanted);
  await until('the whole trace', () => isThere(), 60_000).catch(() => undefined);
  expect(treeOf(CLIENTS_SPAN, traceId)).toEqual(wanted);
}

const find = (traceId: string, name: string, type?: string) => {
  const found = inTrace(traceId).filter((span) => span.name === name && (!type || typeOf(span) === type));
  expect(found).toHaveLength(1);
  return found[0]!;
};

/** A service's log lines that match, once there are as many as expected: spans and lines come by different ways. */
function linesOf(service: string, expected: number, match: (line: LogLine) => boolean): Promise<LogLine[]> {
  const lines = () => mesh.service(service).log.filter(match);
  return until(`${expected} lines of ${service}`, () => lines().length >= expected && lines());
}

describe('an order in cash', () => {
  let traceId: string;
  let orderId: string;

  beforeAll(async () => {
    ({ traceId, orderId } = await placeTraced());
    await mesh.reaches(orderId, 'PREPARING');
  });

  it('is one trace, from the request to the last that is told of it', async () => {
    await expectTree(
      traceId,
      `
      POST /api/v1/orders, server in order-api
        create ordermesh.events (order.placed.v1), producer in order-api
          send ordermesh.events (order.placed.v1), producer in outbox-publisher
            process analytics-service (order.placed.v1), consumer in analytics-service
            process inventory-service (order.placed.v1), consumer in inventory-service
              create ordermesh.events (inventory.deducted.success.v1), producer in inventory-service
                send ordermesh.events (inventory.deducted.success.v1), producer in outbox-publisher
                  process notification-service (inventory.deducted.success.v1), consumer in notification-service
                  process status-service (inventory.deducted.success.v1), consumer in status-service
                    create ordermesh.events (order.status.preparing.v1), producer in status-service
                      send ordermesh.events (order.status.preparing.v1), producer in outbox-publisher
                        process analytics-service (order.status.preparing.v1), consumer in analytics-service
                        process notification-service (order.status.preparing.v1), consumer in notification-service
                          notify log, internal in notification-service
                          notify log, internal in notification-service
                        process payment-service (order.status.preparing.v1), consumer in payment-service
            process notification-service (order.placed.v1), consumer in notification-service
              notify log, internal in notification-service
              notify log, internal in notification-service
            process payment-service (order.placed.v1), consumer in payment-service
      `,
    );
    const spans = inTrace(traceId);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    for (const span of spans) {
      expect(span.state).toBe('vendor=opaque,other=1');
      expect(span.status).toEqual({ code: 0, message: '' });
      expect(span.end).toBeGreaterThanOrEqual(span.start);
      expect(Math.abs(Number(span.start / 1_000_000n) - Date.now())).toBeLessThan(120_000);
    }
  });

  it('has what the conventions ask for', () => {
    const correlation = find(traceId, 'create ordermesh.events', 'order.placed.v1').attributes[
      'messaging.message.conversation_id'
    ];
    const message = {
      'messaging.system': 'rabbitmq',
      'messaging.destination.name': 'ordermesh.events',
      'messaging.rabbitmq.destination.routing_key': 'order.placed.v1',
      'messaging.message.id': find(traceId, 'send ordermesh.events', 'order.placed.v1').attributes[
        'messaging.message.id'
      ],
      'messaging.message.conversation_id': correlation,
    };
    const operation = (name: string) => ({
      'messaging.operation.name': name,
      'messaging.operation.type': name,
    });
    expect(find(traceId, 'create ordermesh.events', 'order.placed.v1').attributes).toEqual({
      ...message,
      ...operation('create'),
      'ordermesh.subject': orderId,
    });
    expect(find(traceId, 'send ordermesh.events', 'order.placed.v1').attributes).toEqual({
      ...message,
      ...operation('send'),
      'ordermesh.subject': orderId,
    });
    const handling = find(traceId, 'process inventory-service');
    expect(handling.attributes).toEqual({
      ...message,
      ...operation('process'),
      'messaging.destination.subscription.name': 'inventory-service',
      'messaging.consumer.group.name': 'inventory-service',
      'ordermesh.order_id': orderId,
      'ordermesh.outcome': 'handled',
    });
    expect(handling.resource).toMatchObject({
      'service.name': 'inventory-service',
      'service.namespace': 'ordermesh',
      'deployment.environment.name': 'test',
      'process.pid': mesh.service('inventory-service').pid,
    });
    expect(find(traceId, 'POST /api/v1/orders').attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/api/v1/orders',
      'http.response.status_code': 202,
      'url.path': '/api/v1/orders',
      'url.scheme': 'http',
      'ordermesh.order_id': orderId,
    });
  });

  it('has the statements beneath, without their values', () => {
    const statements = (span: ReceivedSpan) => childrenOf(span).filter(isDatabases);
    const handled = inTrace(traceId).filter(({ name }) => name.startsWith('process '));
    expect(handled).toHaveLength(9);
    for (const span of handled) {
      const names = statements(span).map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(['BEGIN', 'INSERT processed_events', 'COMMIT']));
    }
    const names = statements(find(traceId, 'process inventory-service')).map(({ name }) => name);
    expect(names).toContain('INSERT stock_movements UPDATE stock_levels');
    expect(names).toContain('INSERT outbox_events');
    const placing = statements(find(traceId, 'POST /api/v1/orders')).find(({ name }) =>
      name.startsWith('INSERT orders'),
    )!;
    expect(placing).toMatchObject({ kind: 'client', service: 'order-api' });
    expect(placing.attributes).toMatchObject({
      'db.operation.name': 'INSERT',
      'db.query.summary': placing.name,
    });
    expect(placing.attributes['db.query.text']).toMatch(/json_to_recordset\(\$1::json\)/);
    expect(placing.attributes['db.query.text']).not.toContain(orderId);
  });

  it('is found from the logs', async () => {
    const handling = find(traceId, 'process inventory-service');
    expect(
      await linesOf('inventory-service', 1, ({ order_id, msg }) => order_id === orderId && msg === 'handled'),
    ).toEqual([expect.objectContaining({ trace_id: traceId, span_id: handling.spanId })]);
    const request = find(traceId, 'POST /api/v1/orders');
    expect(await linesOf('order-api', 1, ({ order_id }) => order_id === orderId)).toEqual([
      expect.objectContaining({ msg: 'order placed', trace_id: traceId, span_id: request.spanId }),
    ]);
    const told = await linesOf(
      'notification-service',
      4,
      ({ order_id, msg }) => order_id === orderId && msg.startsWith('notif'),
    );
    expect(told.length).toBe(4);
    const spanIds = inTrace(traceId).filter(({ name }) => name === 'notify log');
    expect(new Set(told.map(({ span_id }) => span_id))).toEqual(new Set(spanIds.map(({ spanId }) => spanId)));
  });
});

it('an order by card: the gateway is asked in the same trace, and what it answers goes on in it', async () => {
  const { traceId, orderId } = await placeTraced('01', { method: 'CARD', token: 'tok_approved' });
  await mesh.reaches(orderId, 'PREPARING');
  const payments = () =>
    treeOf(CLIENTS_SPAN, traceId).filter((line) => /payment/.test(line) || /simulator/.test(line));
  const expected = [
    'process payment-service (order.placed.v1), consumer in payment-service',
    'work on payment, internal in payment-service',
    'open simulator, client in payment-service',
    'authorize simulator, client in payment-service',
    'create ordermesh.events (payment.authorized.v1), producer in payment-service',
    'send ordermesh.events (payment.authorized.v1), producer in outbox-publisher',
    'process notification-service (payment.authorized.v1), consumer in notification-service',
    'process status-service (payment.authorized.v1), consumer in status-service',
    'process payment-service (order.status.preparing.v1), consumer in payment-service',
    'work on payment, internal in payment-service',
    'capture simulator, client in payment-service',
    'create ordermesh.events (payment.completed.v1), producer in payment-service',
    'send ordermesh.events (payment.completed.v1), producer in outbox-publisher',
    'process notification-service (payment.completed.v1), consumer in notification-service',
  ].sort();
  const lines = () =>
    payments()
      .map((line) => line.trim())
      .sort();
  await until(
    'the captured payment',
    () => JSON.stringify(lines()) === JSON.stringify(expected),
    60_000,
  ).catch(() => undefined);
  expect(lines()).toEqual(expected);
  const authorized = find(traceId, 'create ordermesh.events', 'payment.authorized.v1');
  const work = inTrace(traceId).find(({ spanId }) => spanId === authorized.parentId)!;
  expect(work).toMatchObject({
    name: 'work on payment',
    attributes: {
      'ordermesh.order_id': orderId,
      'ordermesh.payment_state': 'AUTHORIZING',
      'ordermesh.outcome': 'authorized',
    },
  });
  expect(childrenOf(work).map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'open simulator',
      'authorize simulator',
      'BEGIN',
      'COMMIT',
      'DELETE card_tokens',
    ]),
  );
  const { parentId } = work;
  expect(inTrace(traceId).find(({ spanId }) => spanId === parentId)?.name).toBe('process payment-service');
  // In no span is what the card was paid with.
  const text = JSON.stringify(receiver.spans, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  expect(text).not.toContain('tok_approved');
});

it('orders that are handled together keep their own traces, and lead to what they share', async () => {
  const batches = () => receiver.spans.filter(({ name }) => name.startsWith('process batch '));
  const groups = () => receiver.spans.filter(({ name }) => name === 'commit orders');
  await until(
    'orders that were committed, and handled, together',
    async () => {
      if (groups().length > 0 && batches().length > 0) return true;
      await Promise.all(Array.from({ length: 16 }, () => placeTraced()));
      await mesh.quiet();
      return false;
    },
    60_000,
  );
  const byContext = new Map(receiver.spans.map((span) => [`${span.traceId} ${span.spanId}`, span]));
  const linked = (span: ReceivedSpan) =>
    span.links.map((link) => byContext.get(`${link.traceId} ${link.spanId}`));
  await until('all that was linked', () => {
    for (const span of receiver.spans) byContext.set(`${span.traceId} ${span.spanId}`, span);
    return [...batches(), ...groups()].every((span) => linked(span).every((one) => one !== undefined));
  });
  for (const batch of batches()) {
    const count = batch.attributes['messaging.batch.message_count'] as number;
    expect(count).toBeGreaterThan(1);
    expect(batch).toMatchObject({ parentId: undefined, kind: 'internal' });
    const sent = linked(batch);
    expect(sent.map((span) => span?.name)).toEqual(Array(count).fill('send ordermesh.events'));
    expect(new Set(sent.map((span) => span?.traceId)).size).toBe(count);
    expect(childrenOf(batch).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['BEGIN', 'INSERT processed_events', 'COMMIT']),
    );
    const name = `process ${String(batch.attributes['messaging.destination.subscription.name'])}`;
    const handled = sent.flatMap((span) => childrenOf(span!).filter((child) => child.name === name));
    expect(handled).toHaveLength(count);
    for (const span of handled) {
      expect(span).toMatchObject({
        service: batch.service,
        kind: 'consumer',
        links: [{ traceId: batch.traceId, spanId: batch.spanId }],
      });
      expect(childrenOf(span).filter(isDatabases)).toEqual([]);
    }
  }
  for (const group of groups()) {
    const requests = linked(group);
    expect(requests).toHaveLength(group.attributes['ordermesh.batch.order_count'] as number);
    for (const request of requests)
      expect(request).toMatchObject({ name: 'POST /api/v1/orders', links: [{ spanId: group.spanId }] });
    expect(childrenOf(group).map(({ name }) => name)).toEqual([
      'SELECT restaurants',
      expect.stringMatching(/^INSERT orders .*INSERT outbox_events/),
    ]);
  }
}, 120_000);

it('what the caller does not sample nobody records, and its trace goes on all the same', async () => {
  const { traceId, orderId } = await placeTraced('00');
  await mesh.reaches(orderId, 'PREPARING');
  await mesh.quiet();
  const sampled = await placeTraced();
  await until(
    'a later one',
    () => inTrace(sampled.traceId).some(({ name }) => name === 'notify log'),
    60_000,
  );
  expect(inTrace(traceId)).toEqual([]);
  const events = await mesh.db.database.eventLog.findMany({ where: { subject: orderId } });
  expect(events.length).toBeGreaterThan(2);
  for (const { body } of events)
    expect(body).toMatchObject({
      traceparent: `00-${traceId}-${CLIENTS_SPAN}-00`,
      tracestate: 'vendor=opaque,other=1',
    });
  const [placed] = await linesOf('order-api', 1, ({ order_id }) => order_id === orderId);
  expect(placed).not.toHaveProperty('trace_id');
});

it('a caller without a trace begins one; one that makes no sense is as none', async () => {
  const { body } = await mesh.ask<{ order_id: string }>(
    'POST',
    '/orders',
    { restaurant_id: restaurantId, items: [{ menu_item_id: itemId, quantity: 1 }] },
    { traceparent: `00-${'0'.repeat(32)}-${CLIENTS_SPAN}-01`, tracestate: 'lost=1' },
  );
  const isIts = (span: ReceivedSpan) => span.attributes['ordermesh.order_id'] === body.order_id;
  const root = await until('its root', () =>
    receiver.spans.find((span) => isIts(span) && span.kind === 'server'),
  );
  expect(root).toMatchObject({ parentId: undefined, state: '' });
});

it('a dead letter says in the trace why it is one', async () => {
  const traceId = newTraceId();
  const headers = { traceparent: `00-${traceId}-${CLIENTS_SPAN}-01` };
  mesh.broker.channel.sendToQueue('status-service', Buffer.from('not JSON'), { headers });
  const [span] = await until('its span', () => inTrace(traceId).length > 0 && inTrace(traceId));
  expect(span).toMatchObject({
    name: 'process status-service',
    parentId: CLIENTS_SPAN,
    attributes: { 'error.type': 'invalid_json', 'ordermesh.outcome': 'dead_lettered' },
    status: { code: 2, message: expect.stringContaining('JSON') as string },
  });
});

it('a failed request says so, and a stream ends with its beginning', async () => {
  const [missing, streamed] = [newTraceId(), newTraceId()];
  const { orderId } = await placeTraced();
  const context = (traceId: string) => ({ traceparent: `00-${traceId}-${CLIENTS_SPAN}-01` });
  await mesh.ask('GET', `/orders/${newId()}?customer=secret`, undefined, context(missing));
  const stop = new AbortController();
  const stream = await fetch(`${mesh.service('order-api').url}/api/v1/orders/${orderId}/events`, {
    headers: context(streamed),
    signal: stop.signal,
  });
  expect(stream.status).toBe(200);
  // It is still open.
  const ofStream = () => inTrace(streamed).find(({ kind }) => kind === 'server');
  expect(await until('the span of the stream', ofStream)).toMatchObject({
    name: 'GET /api/v1/orders/{id}/events',
    attributes: { 'http.response.status_code': 200 },
  });
  stop.abort();
  const ofMissing = () => inTrace(missing).find(({ kind }) => kind === 'server');
  const failed = await until('the span of the request', ofMissing);
  expect(failed.attributes).toMatchObject({ 'http.response.status_code': 400 });
  expect(JSON.stringify(failed.attributes)).not.toContain('secret');
  expect(failed.status.code).toBe(0);
});

it('the headers for the receiver are sent to it, and told nobody', () => {
  expect(receiver.requests.length).toBeGreaterThan(10);
  for (const { headers, path } of receiver.requests) {
    expect(headers.authorization).toBe('Bearer a-secret-key');
    expect(path).toBe('/v1/traces');
  }
  for (const { log } of mesh.processes) expect(JSON.stringify(log)).not.toContain('a-secret-key');
  expect(receiver.spans.filter(({ name }) => name.startsWith('unreadable'))).toEqual([]);
});

it('a receiver that hangs holds up nothing, and no stop', async () => {
  receiver.misbehave(() => true); // takes all of it, and never answers
  const before = receiver.requests.length;
  const { orderId } = await placeTraced();
  await mesh.reaches(orderId, 'PREPARING');
  await mesh.quiet();
  await until('that all services wait for it', () => receiver.requests.length - before >= 7, 30_000);
  expect(await Promise.all(mesh.processes.map((one) => one.stop()))).toEqual(mesh.processes.map(() => 0));
  for (const { log } of mesh.processes) expect(log.at(-1)?.msg).toBe('stopped');
});
