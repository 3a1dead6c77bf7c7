import { Client } from 'pg';
import { partitionDays, firstIdOf } from '../shared/history/partitions';
import { newId } from '../shared/ids';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { tidyUp } from './keep-history';

const DAY = 86_400_000;
const now = Date.UTC(2026, 10, 21, 12);
const retention = { eventLogMs: 90 * DAY, processedEventsMs: 30 * DAY };

let db: TestDatabase;
let client: Client;
beforeEach(async () => {
  db = await createTestDatabase();
  client = new Client({ connectionString: db.url });
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await db.drop();
});

const idAt = (time: number) => firstIdOf(time).replace('-0000-0000-', '-7abc-8abc-');
const log = (eventId: string, at: number) =>
  db.database.eventLog.create({
    data: {
      eventId,
      type: 't',
      subject: 's',
      correlationId: 'c',
      body: {},
      createdAt: new Date(at),
      publishedAt: new Date(at),
    },
  });
const handled = (eventId: string, at = now) =>
  db.database.processedEvent.create({
    data: { consumer: 'c', eventId, type: 't', subject: 's', processedAt: new Date(at) },
  });
const rowsOf = async (table: string) =>
  Number((await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.n);

describe('the history', () => {
  it('has a partition for today and the week to come, made once', async () => {
    expect((await tidyUp(db.url, retention, now)).made).toHaveLength(16);
    expect(await tidyUp(db.url, retention, now)).toEqual({ made: [], dropped: [] });
    expect(await partitionDays(client, 'event_log')).toHaveLength(8);
    await log(idAt(now), now);
    await handled(idAt(now));
    expect(await rowsOf('event_log_20261121')).toBe(1);
    expect(await rowsOf('processed_events_20261121')).toBe(1);
  });

  it('still dedupes, whatever partition an id falls into', async () => {
    await tidyUp(db.url, retention, now);
    for (const id of [idAt(now), idAt(now + 400 * DAY), '3b241101-e2bb-4255-8caf-4136c566a962', newId()]) {
      await handled(id);
      await expect(handled(id)).rejects.toMatchObject({ code: 'P2002' });
    }
  });

  it('is dropped a day at a time when its retention is over, each table by its own', async () => {
    await tidyUp(db.url, retention, now);
    await log(idAt(now), now);
    await handled(idAt(now));
    const later = now + 31 * DAY;
    const { dropped } = await tidyUp(db.url, retention, later);
    expect(dropped).toContain('processed_events_20261121');
    expect(dropped.filter((name) => name.startsWith('event_log'))).toEqual([]);
    expect(await db.database.eventLog.count()).toBe(1);
    expect((await tidyUp(db.url, retention, now + 92 * DAY)).dropped).toContain('event_log_20261121');
    expect(await db.database.eventLog.count()).toBe(0);
  });

  it('is deleted from the default partition as well', async () => {
    await log('3b241101-e2bb-4255-8caf-4136c566a962', now - 91 * DAY);
    await log('3b241101-e2bb-4255-8caf-4136c566a963', now - 89 * DAY);
    await tidyUp(db.url, retention, now);
    expect(await db.database.eventLog.count()).toBe(1);
  });
});
