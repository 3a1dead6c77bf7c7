import type { Client } from 'pg';
import { isEventType } from '../../shared/events/contracts';
import { UserError } from '../../scripts/servers/search';

/**
 * The types to backfill: those asked for, or all that the service subscribes to now.
 * @throws {UserError} when the service, or one of the types, is not subscribed
 */
export async function chooseTypes(
  client: Client,
  service: string,
  asked: readonly string[],
): Promise<string[]> {
  const { rows } = await client.query<{ consumer: string; event_type: string }>(
    'SELECT consumer, event_type FROM subscriptions WHERE until IS NULL ORDER BY 1, 2',
  );
  const subscribed = rows.filter((row) => row.consumer === service).map((row) => row.event_type);
  if (subscribed.length === 0) {
    const services = [...new Set(rows.map((row) => row.consumer))].join(', ') || 'nobody';
    throw new UserError(
      `${service} subscribes to nothing; ${services} does. A new service has to be declared first: npm run migrate -- ${service}.`,
    );
  }
  for (const type of asked) {
    if (subscribed.includes(type)) continue;
    const why = isEventType(type)
      ? `${service} does not subscribe to ${type}`
      : `${type} is not an event type`;
    throw new UserError(`${why}. It takes ${subscribed.join(', ')}.`);
  }
  return asked.length > 0 ? [...asked] : subscribed;
}
