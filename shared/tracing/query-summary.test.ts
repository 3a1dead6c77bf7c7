import { querySummary } from './query-summary';

it.each([
  ['SELECT 1', 'SELECT'],
  [
    '\n  SELECT id FROM restaurants WHERE id = ANY($1::uuid[]) FOR KEY SHARE SKIP LOCKED',
    'SELECT restaurants',
  ],
  ['SELECT id FROM payments FOR UPDATE SKIP LOCKED', 'SELECT payments'],
  ['SELECT id FROM "public"."orders" FOR UPDATE OF n', 'SELECT orders'],
  ['insert into a (b) VALUES ($1) ON CONFLICT DO UPDATE SET b = 1', 'INSERT a'],
  [
    'WITH moves AS (SELECT 1), history AS (INSERT INTO payment_moves SELECT 1) /* the UPDATE below */ UPDATE payments p SET x = 1',
    'INSERT payment_moves UPDATE payments',
  ],
  [
    'WITH gone AS (DELETE FROM outbox_events RETURNING *) INSERT INTO event_log SELECT * FROM gone -- DELETE FROM it',
    'DELETE outbox_events INSERT event_log',
  ],
  ['WITH RECURSIVE lanes AS (SELECT 1) SELECT * FROM lanes', 'SELECT lanes'],
  ['VACUUM ANALYZE', 'VACUUM'],
  ['', 'QUERY'],
])('%s', (sql, summary) => expect(querySummary(sql)).toBe(summary));
