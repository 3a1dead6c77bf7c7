import { join, resolve } from 'node:path';
import type { Client } from 'pg';
import type { EventType } from '../events/contracts';
import { foldersWith, withoutOtherExamples } from '../service/service-folders';
import { subscribedTypes, type HandlerTable } from './handler';

export interface Subscriptions {
  service: string;
  types: EventType[];
}

/**
 * What every service folder subscribes to, read from its `handlers` module, which exports a table
 * named `handlers`.
 * @param root the folder that holds the (compiled) service folders
 * @param examples those that are asked for; the others subscribe to nothing
 */
export function discoverSubscriptions(
  root = resolve(__dirname, '../..'),
  examples: readonly string[] = [],
): Subscriptions[] {
  return withoutOtherExamples(foldersWith('handlers.js', root), examples).map((folder) => {
    // A folder found at run time cannot be imported statically.
    const { handlers } = require(join(root, folder.path, 'handlers.js')) as { handlers: HandlerTable };
    return { service: folder.name, types: subscribedTypes(handlers) };
  });
}

export interface AskedExamples {
  /** Examples that are asked for. Those that take part already go on. */
  examples?: readonly string[];
  /** Examples that are to take part no more. */
  without?: readonly string[];
}

/** What is to be declared: the services at the root, and the examples that take part from now on. */
export async function wantedSubscriptions(
  database: Client,
  { examples = [], without = [] }: AskedExamples,
): Promise<Subscriptions[]> {
  const asked = [...examples, ...(await declaredServices(database))];
  return discoverSubscriptions(
    undefined,
    asked.filter((name) => !without.includes(name)),
  );
}

/** The services on record as subscribers; none before the set-up has run. */
export async function declaredServices(database: Client): Promise<string[]> {
  const { rows: tables } = await database.query<{ there: boolean }>(
    `SELECT to_regclass('subscriptions') IS NOT NULL AS there`,
  );
  if (!tables[0]?.there) return [];
  const { rows } = await database.query<{ consumer: string }>(
    'SELECT DISTINCT consumer FROM subscriptions WHERE until IS NULL',
  );
  return rows.map(({ consumer }) => consumer);
}
