import { resolve } from 'node:path';
import { Client } from 'pg';
import { runDlq } from '../dlq/run-dlq';
import { declareMesh, discoverSubscriptions } from '../../shared/messaging/declare-mesh';
import { LEASE_SECONDS } from '../../shared/messaging/progress';
import { startMesh, type Mesh } from '../../shared/testing/mesh';
import { startProxy, type TcpProxy } from '../../shared/testing/tcp-proxy';
import { until } from '../../shared/testing/until';
import { askWhy } from './testing/ask-why';

// Orders that stand still because their mesh really does, and what they say of it: one mesh, to which one thing
// happens after the other. Those of the money are in stalls-of-payments.slow.test.ts.

let mesh: Mesh;
let broker: TcpProxy;
let restaurantId: string;
let itemId: string;
const { read, waitsFor, waitsForNothing } = askWhy(() => mesh);

beforeAll(async () => {
  mesh = await startMesh({
    services: ['order-api'],
    environment: { RETRY_DELAYS: '4s' },
    rabbitmqUrl: async (url) => (broker = await startProxy(url)).url,
  });
  ({ restaurantId, itemId } = await mesh.addItem(10_000));
}, 60_000);
// A test that fails leaves the mesh as it should be for the next.
afterEach(async () => {
  for (const pid of frozen) process.kill(pid, 'SIGCONT');
  frozen.clear();
  broker.bringBack();
  broker.release();
  await Promise.all([...locks].map((unlock) => unlock()));
});
afterAll(async () => {
  await mesh?.stop();
  await broker?.close();
});

const place = (quantity = 1) => mesh.place(restaurantId, itemId, quantity);
const published = (orderId: string, type = 'order.placed.v1') =>
  until(`${type} to be published`, () =>
    mesh.db.database.eventLog.count({ where: { subject: orderId, type } }),
  );

type Told = Awaited<ReturnType<typeof read>>['events'][number];
const atInventory = (event: Told | undefined) =>
  event?.consumers.find(({ service }) => service === 'inventory-service');

const frozen = new Set<number>();
function freeze(name: string): () => void {
  const { pid } = mesh.service(name);
  process.kill(pid, 'SIGSTOP');
  frozen.add(pid);
  return () => {
    frozen.delete(pid);
    process.kill(pid, 'SIGCONT');
  };
}

const locks = new Set<() => Promise<void>>();
/** Nobody gets at an item's stock until it is unlocked. */
async function lockStock(): Promise<() => Promise<void>> {
  const holder = new Client({ connectionString: mesh.db.url });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM stock_levels WHERE menu_item_id = $1 FOR UPDATE', [itemId]);
  const unlock = async () => void (locks.delete(unlock) && (await holder.end()));
  locks.add(unlock);
  return unlock;
}

const dlq = (...args: string[]) =>
  runDlq({
    args,
    rabbitmqUrl: () => mesh.broker.url,
    databaseUrl: () => mesh.db.url,
    user: () => 'asha',
    services: () => ['inventory-service'],
    print: () => undefined,
    warn: (text) => {
      throw new Error(text);
    },
    stopping: new AbortController().signal,
  });

describe('an order says that it waits', () => {
  it('for its approval, until its deadline', async () => {
    const { body } = await mesh.ask('POST', '/orders', {
      restaurant_id: restaurantId,
      items: [{ menu_item_id: itemId, quantity: 1 }],
      draft: true,
    });
    const wait = await waitsFor(
      String(body.order_id),
      'approval',
      /^It is a draft and waits to be approved; unless/,
    );
    const deadline = new Date(Date.parse(wait.since) + 86_400_000).toISOString().slice(0, 19);
    expect(wait).toMatchObject({ service: 'order-api', sentence: expect.stringContaining(`${deadline}Z`) });
    await mesh.ask('POST', `/orders/${String(body.order_id)}/cancel`);
    await waitsForNothing(String(body.order_id));
  });

  let first: string;
  it('for a relay, where none runs', async () => {
    first = await place();
    expect(
      await waitsFor(
        first,
        'relay_away',
        /^inventory-service is to take its stock; order\.placed\.v1 is not published, because no outbox-publisher is at work/,
      ),
    ).toMatchObject({ service: 'outbox-publisher' });
    const [event] = (await read(first)).events;
    expect(event).toMatchObject({ published_at: null, publish_ms: null, refused: null });
    expect(event?.consumers.map(({ service, state }) => `${service} ${state}`)).toEqual([
      'analytics-service relay_away',
      'inventory-service relay_away',
      'notification-service relay_away',
      'payment-service relay_away',
    ]);
  });

  it('for a service that was never started', async () => {
    await mesh.start('outbox-publisher');
    const wait = await waitsFor(
      first,
      'service_away',
      /^inventory-service is to take its stock; inventory-service is away: no instance of it runs, or none reaches its queue\.$/,
    );
    expect(wait).toMatchObject({
      service: 'inventory-service',
      since: (await read(first)).events[0]?.published_at,
    });
  });

  it('for a relay that does not reach RabbitMQ', async () => {
    broker.takeAway();
    const id = await place();
    await waitsFor(id, 'relay_away', /none runs, or none reaches RabbitMQ\.$/);
    broker.bringBack();
    await waitsFor(id, 'service_away', /inventory-service is away/);
  });

  it('for its turn, behind others that are not published', async () => {
    const wake = freeze('outbox-publisher');
    const ids = [await place(), await place(), await place()];
    await waitsFor(
      ids[0]!,
      'not_published',
      /order\.placed\.v1 is next to be published, and that RabbitMQ has it is not on record yet\.$/,
    );
    await waitsFor(
      ids[2]!,
      'not_published',
      /order\.placed\.v1 is not published yet: 2 others are before it\.$/,
    );
    wake();
    for (const id of ids) await published(id);
  });

  it('for RabbitMQ, which does not confirm', async () => {
    broker.hold('answers');
    const id = await place();
    expect(
      await waitsFor(
        id,
        'not_published',
        /next to be published, and that RabbitMQ has it is not on record yet/,
      ),
    ).toMatchObject({ service: 'outbox-publisher' });
    broker.release();
    await published(id);
  });

  let taken: string;
  it('behind others, in the queue of a service that does not get on', async () => {
    await mesh.start('inventory-service');
    await published(first, 'inventory.deducted.success.v1');
    // Nothing of before may be in its hands when it is frozen: that would be in front of the others.
    await until('inventory-service to have handled what there was', async () => {
      const [row] = await mesh.db.database.$queryRaw<{ unhandled: bigint }[]>`
        SELECT count(*) AS unhandled FROM event_log e WHERE type = 'order.placed.v1' AND NOT EXISTS (
          SELECT FROM processed_events p WHERE p.consumer = 'inventory-service' AND p.event_id = e.event_id)`;
      return row?.unhandled === 0n;
    });
    const wake = freeze('inventory-service');
    const ids = [await place(), await place(), await place()];
    await waitsFor(ids[0]!, 'queued', /order\.placed\.v1 is next in its queue, or in its hands\.$/);
    expect(
      await waitsFor(ids[2]!, 'queued', /order\.placed\.v1 is in its queue behind 2 others\.$/),
    ).toMatchObject({
      service: 'inventory-service',
    });
    wake();
    taken = ids[2]!;
  });

  it('for whoever has to note that its stock is taken', async () => {
    await waitsFor(
      taken,
      'service_away',
      /^status-service is to note that its stock is taken; status-service is away: no instance of it runs, or none reaches its queue\.$/,
    );
    const { events } = await read(taken);
    expect(events).toMatchObject([
      {
        type: 'order.placed.v1',
        caused: [{ type: 'inventory.deducted.success.v1', source: '/inventory-service' }],
      },
    ]);
    const inventory = atInventory(events[0]);
    expect(inventory).toMatchObject({
      service: 'inventory-service',
      state: 'handled',
      attempts: 1,
    });
    expect(inventory?.handle_ms).toBeGreaterThanOrEqual(0);
  });

  it('for its cancellation, as its stock is short', async () => {
    const id = await place(50_000);
    await waitsFor(
      id,
      'service_away',
      /^status-service is to cancel the order, as its stock is short; status-service is away/,
    );
    expect((await read(id)).also_waiting_for).toEqual([]);
  });

  it('for a queue, where an event was returned', async () => {
    // Of all who take it, none runs, and none has a queue any more.
    for (const queue of ['status-service', 'notification-service'])
      await mesh.broker.channel.deleteQueue(queue);
    const id = await place();
    await waitsFor(
      id,
      'not_published',
      /note that its stock is taken; inventory\.deducted\.success\.v1 is next to be published/,
    );
    const wait = await until(
      'it to be on record as returned',
      async () => {
        await place(50_000); // others are routed meanwhile: RabbitMQ as a whole is not at fault
        return (await read(id)).waiting_for?.code === 'publishing_refused' && (await read(id)).waiting_for;
      },
      60_000,
    );
    expect(wait).toMatchObject({
      service: 'outbox-publisher',
      sentence: expect.stringMatching(
        /RabbitMQ did not take inventory\.deducted\.success\.v1 \((once|\d+ times): .*no queue took it.*\); it is tried again at \d{4}-.*Z\.$/,
      ),
    });
    expect((await read(id)).events[0]?.caused[0]?.refused).toMatchObject({
      error: expect.stringContaining('no queue'),
    });
    await (await mesh.start('notification-service')).stop(); // has a queue again, and is away again
    await mesh.start('status-service');
    await mesh.reaches(id, 'PREPARING');
  }, 120_000);

  it('for staff, and at its end for nothing', async () => {
    await mesh.reaches(first, 'PREPARING');
    expect(await waitsFor(first, 'staff', /^Nothing is missing: staff has to send it out/)).toMatchObject({
      service: 'order-api',
    });
    await mesh.ask('PATCH', `/orders/${first}/status`, { status: 'OUT_FOR_DELIVERY' });
    await waitsFor(first, 'staff', /staff has to say when it is DELIVERED/);
    await mesh.ask('PATCH', `/orders/${first}/status`, { status: 'DELIVERED' });
    await waitsForNothing(first);
    expect((await read(first)).history.map(({ to }) => to)).toEqual([
      'PLACED',
      'PREPARING',
      'OUT_FOR_DELIVERY',
      'DELIVERED',
    ]);
  });

  let dead: string;
  it('in the retry ladder, until when, and why', async () => {
    const unlock = await lockStock();
    dead = await place();
    await waitsFor(dead, 'queued', /in its hands/);
    expect(
      await waitsFor(
        dead,
        'retrying',
        /attempt 1 at order\.placed\.v1 failed \(handler_failed: .*lock timeout.*\); it is tried again at \d{4}-.*Z\.$/,
      ),
    ).toMatchObject({ service: 'inventory-service' });
    await waitsFor(
      dead,
      'dead_letter',
      /order\.placed\.v1 is a dead letter of inventory-service since .*Z \(handler_failed: .*lock timeout.*\)\. Nothing happens until somebody decides: npm run dlq -- show [\da-f-]{36}\.$/,
    );
    await unlock();
    const inventory = atInventory((await read(dead)).events[0]);
    expect(inventory).toMatchObject({
      state: 'dead_letter',
      attempts: 2,
      handled_at: null,
      failures_left_out: 0,
    });
    expect(inventory?.failures.map(({ outcome, attempt }) => [outcome, attempt])).toEqual([
      ['RETRIED', 1],
      ['DEAD_LETTERED', 2],
    ]);
  }, 60_000);

  it('for a service that is away, with what was replayed to it', async () => {
    await mesh.service('inventory-service').stop();
    expect(await dlq('replay', '--all')).toBe(0);
    await waitsFor(dead, 'service_away', /inventory-service is away/);
    expect(atInventory((await read(dead)).events[0])?.failures.at(-1)).toMatchObject({
      outcome: 'REPLAYED',
      error: 'replayed by asha',
    });
    await mesh.start('inventory-service');
    await mesh.reaches(dead, 'PREPARING');
  });

  it('for nothing that will come, where a person has discarded the event', async () => {
    await mesh.service('outbox-publisher').stop();
    const id = await place();
    await mesh.db.database.$executeRaw`
      UPDATE outbox_events SET body = (body::jsonb #- '{data,items}')::json WHERE subject = ${id}`;
    await mesh.start('outbox-publisher');
    await waitsFor(
      id,
      'dead_letter',
      /is a dead letter of inventory-service since .* \(invalid_data: .*items/,
    );
    expect(await dlq('discard', '--order', id, '--yes')).toBe(0);
    await waitsFor(
      id,
      'discarded',
      /order\.placed\.v1 was a dead letter of inventory-service \(invalid_data\), and was discarded by asha at .*Z\.$/,
    );
  });

  it('for what was purged, and never reached its service', async () => {
    await mesh.service('inventory-service').stop();
    const id = await place();
    await published(id);
    await mesh.broker.channel.purgeQueue('inventory-service');
    await mesh.start('inventory-service');
    await waitsFor(
      id,
      'missed',
      /order\.placed\.v1 was published and never reached inventory-service, which has done all that came after it; it fetches/,
    );
    await mesh.reaches(id, 'PREPARING');
  });

  it('for what was published while a binding was gone', async () => {
    await mesh.broker.channel.unbindQueue('inventory-service', 'ordermesh.events', 'order.placed.v1');
    const id = await place();
    await waitsFor(id, 'missed', /never reached inventory-service/);
    await mesh.reaches(id, 'PREPARING');
  });

  it('cancelled, for its stock', async () => {
    await mesh.service('inventory-service').stop();
    await mesh.ask('POST', `/orders/${dead}/cancel`);
    await waitsFor(
      dead,
      'service_away',
      /^inventory-service is to give its stock back; inventory-service is away/,
    );
    await mesh.start('inventory-service');
    await waitsForNothing(dead);
  });

  it('for a service that dies with its event in hand, again and again', async () => {
    const unlock = await lockStock();
    const id = await place();
    await waitsFor(id, 'queued', /in its hands/);
    const begun = (starts: number) =>
      until(`it to be begun ${starts} times`, () =>
        mesh.db.database.crashSuspect.findFirst({ where: { consumer: 'inventory-service', starts } }),
      );
    const inHand = () =>
      until('somebody to wait for the lock', async () => {
        const [row] = await mesh.db.database.$queryRaw<{ waiting: number }[]>`
          SELECT count(*)::int AS waiting FROM pg_locks WHERE NOT granted`;
        return row?.waiting;
      });
    await inHand();
    await mesh.service('inventory-service').kill();
    await mesh.start('inventory-service');
    await begun(1);
    await mesh.service('inventory-service').kill();
    await mesh.start('inventory-service');
    await begun(2);
    await waitsFor(
      id,
      'crashing',
      /inventory-service has died at least once with order\.placed\.v1 in hand; after 3 times that becomes a dead letter\.$/,
    );
    await unlock();
    await mesh.reaches(id, 'PREPARING');
  }, 60_000);

  it('for RabbitMQ, which refuses its event', async () => {
    await mesh.service('inventory-service').stop();
    await mesh.broker.manage('PUT', '/api/policies/{vhost}/refuse', {
      pattern: '^inventory-service$',
      definition: { 'max-length': 1, overflow: 'reject-publish' },
      'apply-to': 'queues',
    });
    const id = await until('one to be refused', async () => {
      const refused = await mesh.db.database.outboxEvent.findFirst({ where: { attempts: { gt: 0 } } });
      return refused?.subject ?? (await place(), undefined);
    });
    expect(
      await waitsFor(
        id,
        'publishing_refused',
        /RabbitMQ did not take order\.placed\.v1 \((once|\d+ times): .*\); it is tried again/,
      ),
    ).toMatchObject({
      service: 'outbox-publisher',
    });
    await mesh.broker.manage('DELETE', '/api/policies/{vhost}/refuse');
    // RabbitMQ 3.10 may never tell a channel that a queue is no longer full; and it need not be waited for.
    await mesh.service('outbox-publisher').stop();
    await mesh.db.database.outboxEvent.updateMany({ data: { nextAttemptAt: null } });
    await mesh.start('outbox-publisher');
    await mesh.start('inventory-service');
    await mesh.reaches(id, 'PREPARING');
  }, 90_000);

  it('for a service that was killed, once its lease is over', async () => {
    await mesh.service('inventory-service').kill();
    const id = await place();
    // What it had done and not acknowledged yet, it has left in its queue.
    await waitsFor(id, 'queued', /order\.placed\.v1 is (next in its queue|in its queue behind \d+ others?)/);
    // As if it had been killed so much earlier.
    await mesh.db.database.$executeRaw`
      UPDATE consumer_progress SET updated_at = updated_at - ${LEASE_SECONDS}::float8 * interval '1 second'`;
    await waitsFor(
      id,
      'service_away',
      /inventory-service is away: no instance of it has reported from its queue since \d{4}-.*Z\.$/,
    );
  });

  it('for a service that does not subscribe', async () => {
    const known = discoverSubscriptions(resolve('dist'));
    const without = known.map(({ service, types }) => ({
      service,
      types: service === 'inventory-service' ? types.filter((type) => type !== 'order.placed.v1') : types,
    }));
    const { url: rabbitmqUrl } = mesh.broker;
    await declareMesh({ databaseUrl: mesh.db.url, rabbitmqUrl, subscriptions: without });
    const id = await place();
    await waitsFor(
      id,
      'not_subscribed',
      /order\.placed\.v1 did not go to inventory-service, which had not subscribed/,
    );
  });

  it('for nothing on record, where its history is gone', async () => {
    const id = await place();
    await published(id);
    await mesh.db.database.eventLog.deleteMany({ where: { subject: id } });
    await waitsFor(id, 'not_on_record', /nothing on record tells why it has not/);
  });
});

it('answers 404 of an order that is not there, and 400 of what is no id', async () => {
  expect(await mesh.ask('GET', '/orders/019a0000-0000-7000-8000-000000000000/timeline')).toMatchObject({
    status: 404,
  });
  expect(await mesh.ask('GET', '/orders/x/timeline')).toMatchObject({ status: 400 });
});
