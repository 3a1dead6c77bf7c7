import { newId } from '../shared/ids';
import { insertIntoOutbox } from '../shared/outbox/write-outbox';
import { until } from '../shared/testing/until';
import { createRelayWorld, lowStock, troubles, type RelayWorld } from './testing/relay-world';

let world: RelayWorld;
beforeEach(async () => {
  world = await createRelayWorld();
});
afterEach(() => world.close());

const run = (sql: string) => world.db.database.$executeRawUnsafe(sql);
const distinct = (received: readonly { id: string }[]) => new Set(received.map(({ id }) => id)).size;

it('owns an outbox that it cannot read, says so until it can, and goes on', async () => {
  const { received } = await world.listen();
  const relay = await world.start();
  const seen = new Set<string>();
  await world.db.database.$transaction(
    async (tx) => {
      await tx.$executeRaw`LOCK TABLE outbox_events IN ACCESS EXCLUSIVE MODE`;
      await tx.$executeRaw(insertIntoOutbox([lowStock()]));
      await until('a reason', () => troubles(relay).includes('the outbox cannot be read'));
      const endAt = Date.now() + 6_000; // longer than a statement waits for a lock
      await until('the next try', () => {
        seen.add(troubles(relay));
        return Date.now() > endAt;
      });
    },
    { timeout: 40_000 },
  );
  expect([...seen].filter((trouble) => !trouble.includes('the outbox cannot be read'))).toEqual([]);
  await until('the outbox to be empty', async () => (await world.waiting()) === 0);
  await until('the relay to be ready', () => troubles(relay) === '');
  expect(received).toHaveLength(1);
});

it('reads on where a migration changes what its statements answer', async () => {
  const { received } = await world.listen();
  const relay = await world.start();
  await world.write([newId()], 5);
  await until('the outbox to be empty', async () => (await world.waiting()) === 0);
  await run('ALTER TABLE outbox_events ALTER COLUMN subject TYPE varchar(300)');
  await world.write([newId()], 5);
  await until('the outbox to be empty', async () => (await world.waiting()) === 0);
  await until('all', () => distinct(received) === 10);
  await until('the relay to be ready', () => troubles(relay) === '');
});

describe('events that are published and cannot be marked', () => {
  it.each([
    ['event_log is full', 'ALTER TABLE event_log ADD CONSTRAINT is_full CHECK (false) NOT VALID', 'is_full'],
    ['event_log has lost a column', 'ALTER TABLE event_log RENAME COLUMN body TO content', 'body'],
    ['event_log is gone', 'ALTER TABLE event_log RENAME TO elsewhere', 'event_log'],
  ])('are published once, marked later, and the relay is not ready meanwhile: %s', async (_, sql, named) => {
    const { received } = await world.listen();
    const relay = await world.start();
    await run(sql);
    const events = await world.write([newId(), newId()], 200);
    await until('a reason', () => troubles(relay).includes('cannot be marked'));
    expect(troubles(relay)).toContain(named);
    await until('several tries', () => received.length > 0 && troubles(relay) !== '');
    const later = await world.write([newId()], 3);
    const undo: Record<string, string> = {
      is_full: 'ALTER TABLE event_log DROP CONSTRAINT is_full',
      body: 'ALTER TABLE event_log RENAME COLUMN content TO body',
      event_log: 'ALTER TABLE elsewhere RENAME TO event_log',
    };
    await run(undo[named]!);
    await until('the outbox to be empty', async () => (await world.waiting()) === 0);
    expect(received).toHaveLength(events.length + later.length);
    expect(await world.logged()).toBe(received.length);
    await until('the relay to be ready', () => troubles(relay) === '');
  });

  it('are published once also where event_log is locked, and where the database breaks meanwhile', async () => {
    const database = await world.proxyTo(world.db.url);
    const { received } = await world.listen();
    const relay = await world.start({ database: database.url });
    const events = await world.db.database.$transaction(
      async (tx) => {
        await tx.$executeRaw`LOCK TABLE event_log IN EXCLUSIVE MODE`;
        const written = await world.write([newId()], 50);
        await until('some', () => received.length > 0);
        await until('a reason', () => troubles(relay).includes('lock timeout'));
        database.cut();
        await until('the relay to try on', () => troubles(relay).includes('lock timeout'));
        return written;
      },
      { timeout: 40_000 },
    );
    await until('the outbox to be empty', async () => (await world.waiting()) === 0);
    expect(received).toHaveLength(events.length);
    expect(await world.logged()).toBe(events.length);
  });

  it('do not hold up others where only their rows are locked', async () => {
    const { received } = await world.listen();
    const relay = await world.start();
    const [locked] = await stoppedWith(1);
    await world.db.database.$transaction(
      async (tx) => {
        await tx.$queryRaw`SELECT FROM outbox_events WHERE event_id = ${locked!}::uuid FOR UPDATE`;
        await run('ALTER TABLE elsewhere RENAME TO event_log');
        const others = await world.write([newId()], 20);
        await until('the others', async () => (await world.waiting()) === 1, 20_000);
        expect(others.every(({ id }) => received.some((event) => event.id === id))).toBe(true);
      },
      { timeout: 40_000 },
    );
    await until('the outbox to be empty', async () => (await world.waiting()) === 0);
    expect(received).toHaveLength(distinct(received));
    await until('the relay to be ready', () => troubles(relay) === '');

    /** Writes events that are published and not marked, as the log is away. */
    async function stoppedWith(count: number): Promise<string[]> {
      await until('quiet', async () => (await world.waiting()) === 0);
      await run('ALTER TABLE event_log RENAME TO elsewhere');
      const events = await world.write([newId()], count);
      await until('them', () => events.every(({ id }) => received.some((event) => event.id === id)));
      return events.map(({ id }) => id);
    }
  });
});
