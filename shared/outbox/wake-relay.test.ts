import { Client } from 'pg';
import type { Event } from '../events/envelope';
import { announce } from '../events/announce';
import { newId } from '../ids';
import { Prisma } from '../service/database';
import { createTestDatabase, type TestDatabase } from '../testing/test-database';
import { until } from '../testing/until';
import { OUTBOX_CHANNEL, RELAY_SLEEPS } from './wake-relay';
import { insertIntoOutbox, makeEvents } from './write-outbox';

let db: TestDatabase;
let relay: Client;
let heard: string[];
beforeEach(async () => {
  db = await createTestDatabase();
  relay = new Client({ connectionString: db.url });
  await relay.connect();
  heard = [];
  relay.on('notification', ({ payload = '' }) => heard.push(payload));
  await relay.query(`LISTEN ${OUTBOX_CHANNEL}`);
});
afterEach(async () => {
  await relay.end();
  await db.drop();
});

const events = (count = 2): Event[] => {
  const id = newId();
  return makeEvents(
    'inventory-service',
    Array.from({ length: count }, (_, n) =>
      announce({ correlationid: 'c' }, 'inventory.restored.v1', id, {
        order_id: id,
        restaurant_id: newId(),
        items: [{ menu_item_id: newId(), quantity: n + 1, available_qty: n + 1 }],
      }),
    ),
  );
};

const sleep = () => relay.query('SELECT pg_advisory_lock($1, $2)', [...RELAY_SLEEPS]);
const wakeUp = () => relay.query('SELECT pg_advisory_unlock($1, $2)', [...RELAY_SLEEPS]);
const write = (sql: Prisma.Sql) => db.database.$queryRaw(sql);

/** How often it was woken until now: notifications come in the order of the commits. */
async function woken(): Promise<number> {
  await db.database.$executeRaw`SELECT pg_notify(${OUTBOX_CHANNEL}, 'now')`;
  await until('what was notified before', () => heard.includes('now'));
  return heard.splice(0).filter((payload) => payload === '').length;
}

const shapes: Record<string, (given: readonly Event[]) => Prisma.Sql> = {
  'a statement of its own': (given) => insertIntoOutbox(given),
  'the end of a larger one': (given) => Prisma.sql`WITH other AS (SELECT 1) ${insertIntoOutbox(given)}`,
  'a part of a larger one that nobody refers to': (given) => Prisma.sql`
    WITH ids AS MATERIALIZED (SELECT ${given[0]!.subject}::uuid AS id),
      outbox AS (${insertIntoOutbox(given, Prisma.sql`WHERE subject::uuid IN (SELECT id FROM ids)`)})
    SELECT id FROM ids`,
};

it.each(Object.entries(shapes))('a relay that sleeps is woken once by a commit: %s', async (_, shape) => {
  await sleep();
  const given = events(5);
  await write(shape(given));
  expect(await woken()).toBe(1);
  const { rows } = await relay.query<{ event_id: string }>('SELECT event_id FROM outbox_events ORDER BY seq');
  expect(rows.map(({ event_id }) => event_id)).toEqual(given.map(({ id }) => id)); // its order is what matters
});

it('a relay that is awake, or is gone, is told of nothing', async () => {
  await write(insertIntoOutbox(events()));
  await sleep();
  await wakeUp();
  await write(insertIntoOutbox(events()));
  expect(await woken()).toBe(0);
});

it('who rolls back or writes nothing wakes nobody', async () => {
  await sleep();
  await db.database
    .$transaction(async (tx) => {
      await tx.$executeRaw(insertIntoOutbox(events()));
      throw new Error('rolled back');
    })
    .catch(() => undefined);
  await write(insertIntoOutbox([]));
  expect(await woken()).toBe(0);
});

it('nobody waits: neither who writes for a relay that sleeps, nor a relay for who writes, nor one who writes for another', async () => {
  await sleep();
  await Promise.all(Array.from({ length: 5 }, () => write(insertIntoOutbox(events()))));
  await wakeUp();
  await db.database.$transaction(async (tx) => {
    await tx.$executeRaw(insertIntoOutbox(events()));
    await write(insertIntoOutbox(events()));
    const { rows } = await relay.query<{ asleep: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS asleep', [
      ...RELAY_SLEEPS,
    ]);
    expect(rows).toEqual([{ asleep: false }]);
  });
});
