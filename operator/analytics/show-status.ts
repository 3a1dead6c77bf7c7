import type { Client } from 'pg';

interface Standing {
  id: number;
  state: string;
  started_at: Date;
  complete_since: Date | null;
  orders: string;
}

/** What is shown, since when, and what was left unfinished, for people. */
export async function showStatus(client: Client): Promise<string> {
  const { rows } = await client.query<Standing>(
    `SELECT id, state, started_at, (SELECT count(*) FROM analytics_orders o WHERE o.generation = g.id AND placed_at IS NOT NULL) AS orders,
       coalesce(complete_since, (SELECT max(since) FROM subscriptions
         WHERE consumer = 'analytics-service' AND event_type = 'order.placed.v1' AND until IS NULL)) AS complete_since
     FROM analytics_generations g ORDER BY id`,
  );
  return rows.map(show).join('\n') || 'Nothing is counted: run npm run migrate.';
}

function show({ id, state, started_at, complete_since, orders }: Standing): string {
  if (state !== 'LIVE')
    return `A rebuild (${id}) that began at ${started_at.toISOString()} is running, or was interrupted: then run npm run analytics -- rebuild again.`;
  const since = complete_since
    ? `complete since ${complete_since.toISOString()}`
    : 'no service has subscribed yet';
  return `${orders} orders are counted, ${since}.`;
}
