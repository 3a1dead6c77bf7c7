import { Client } from 'pg';
import { newId } from '../shared/ids';
import { until } from '../shared/testing/until';
import { createFlight } from './flight';
import { markPublished, readyRows, type OutboxRow } from './outbox-rows';
import { createRelayWorld, type RelayWorld } from './testing/relay-world';
import { createUnmarked } from './unmarked';

let world: RelayWorld;
beforeEach(async () => {
  world = await createRelayWorld();
});
afterEach(() => world.close());

/** The log in the order of publication. */
const published = () =>
  world.db.database.$queryRaw<{ type: string; event_id: string; seq: bigint }[]>`
    SELECT type, event_id::text, seq FROM event_log ORDER BY published_at, seq`;

describe('the log', () => {
  it('keeps the order of publication about one subject where the broker confirms a later event first', async () => {
    const subject = newId();
    await world.write([subject], 2);
    await world.write([newId()], 1);
    const client = new Client({ connectionString: world.db.url });
    await client.connect();
    const rows = await readyRows(client, 10, { seqs: [] });
    const [first, second, other] = rows;
    const unmarked = createUnmarked();
    const flight = createFlight({ publish: () => new Promise(() => undefined) }, 10);
    for (const row of rows) flight.publish(row);
    const confirm = (row: OutboxRow) => {
      flight.awaiting.delete(row.seq);
      unmarked.published(row);
    };
    confirm(second!);
    confirm(other!);
    expect(await unmarked.write(client, flight)).toMatchObject({ marked: 1 });
    expect((await published()).map(({ event_id }) => event_id)).toEqual([other!.event_id]);
    confirm(first!);
    expect(await unmarked.write(client, flight)).toMatchObject({ marked: 2 });
    expect((await published()).map(({ event_id }) => event_id)).toEqual(
      [other, first, second].map((row) => row!.event_id),
    );
    await client.end();
  });

  it('has times that go on where the clock of the server was set back a little, and follow it where by more', async () => {
    const client = new Client({ connectionString: world.db.url });
    await client.connect();
    const at = async (ahead: string) => {
      await world.write([newId()], 1);
      const { rows } = await client.query<{ seq: string; ahead: string }>(
        `SELECT seq, (now() + $1::interval)::text AS ahead FROM outbox_events`,
        [ahead],
      );
      const [row] = rows;
      const time = await markPublished(client, [row!.seq], row!.ahead);
      return time === row!.ahead;
    };
    expect([await at('3 seconds'), await at('1 hour'), await at('-3 seconds')]).toEqual([true, false, false]);
    expect((await published()).every(({ seq }) => seq > 0n)).toBe(true);
    await client.end();
  });
});

describe('an event that was refused before', () => {
  it('has its share beside a backlog', async () => {
    const { received } = await world.listen();
    const [refused] = await world.write([newId()], 1);
    await world.db.database.outboxEvent.updateMany({ data: { attempts: 1, nextAttemptAt: new Date() } });
    await world.db.database.$executeRaw`
      INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
      SELECT gen_random_uuid(), 'odd.v1', n::text, 'c', '{}' FROM generate_series(1, 30000) n`;
    await world.start({}, { batchSize: 500, window: 1_000 });
    await until('it', () => received.some(({ id }) => id === refused!.id));
    expect(received.length).toBeLessThan(5_000);
    await until('the outbox to be empty', async () => (await world.waiting()) === 0);
  });
});
