import path from 'node:path';
import type { Client } from 'pg';
import { eventCatalogue } from '../../shared/events/catalogue';
import { groupBy } from '../../shared/group-by';
import { consumerTables } from '../../shared/messaging/consumer-rights';
import { declaredServices, discoverSubscriptions } from '../../shared/messaging/discover-subscriptions';
import type { Rights, TableRights } from '../../shared/service/rights';
import { VERBS } from '../../shared/service/rights';
import { foldersWith, withoutOtherExamples } from '../../shared/service/service-folders';
import { checkout } from '../servers/checkout';
import { UserError } from '../servers/search';
import { tableOwners } from './table-owners';

/** A login of its own for one folder: what it may do with PostgreSQL and RabbitMQ. */
export interface Login {
  /** The folder's name. */
  name: string;
  tables: TableRights;
  functions: readonly string[];
  /** Consumers whose handled events it may forget. */
  forgets: readonly string[];
  /** The events that it may put into the outbox: these types of this source. */
  announces: readonly { source: string; types: readonly string[] }[];
  /** Undefined where it has nothing to do with RabbitMQ. */
  broker?: { as: 'consumer'; types: readonly string[] } | { as: 'relay' } | { as: 'operator' };
}

/**
 * The logins that there are to be, each derived from its folder and from what is on record. Examples that take no part
 * have none.
 * @throws {UserError} for rights on a table that is not there
 */
export async function findLogins(database: Client): Promise<Login[]> {
  const participants = await declaredServices(database);
  const tables = await tablesThere(database);
  const recorded = await recordedTypes(database);
  const handled = discoverSubscriptions(undefined, participants);
  const rights = declaredRights(participants);
  const owned = groupBy([...tableOwners()], ([, owner]) => owner);
  const names = new Set([...handled.map(({ service }) => service), ...rights.keys()]);
  return [...names].sort().map((name) => {
    const types = handled.find(({ service }) => service === name)?.types;
    const said = rights.get(name) ?? {};
    const parts = [name, ...(said.actsFor ?? [])];
    const own = parts.flatMap((part) => (owned.get(part) ?? []).map(([table]) => table));
    const announces = parts.flatMap(announcedBy);
    return {
      name,
      tables: combine(
        name,
        tables,
        [
          Object.fromEntries(own.map((table) => [table, VERBS])),
          types ? consumerTables : {},
          announces.length > 0 ? { outbox_events: ['INSERT'] } : {},
        ],
        said.tables,
      ),
      functions: said.functions ?? [],
      forgets: said.forgets ?? [],
      announces,
      broker: types
        ? { as: 'consumer', types: [...new Set([...types, ...(recorded.get(name) ?? [])])].sort() }
        : said.broker && { as: said.broker },
    };
  });
}

/**
 * What the folder says of a table counts for it alone; `*` adds to all others.
 * @param byItself what it has without saying so; later ones count
 */
function combine(
  name: string,
  there: ReadonlySet<string>,
  byItself: readonly TableRights[],
  said: TableRights = {},
): TableRights {
  const { '*': everywhere = [], ...named } = said;
  const plain: TableRights = Object.assign({}, ...byItself) as TableRights;
  const missing = Object.keys({ ...plain, ...named }).filter((table) => !there.has(table));
  if (missing.length > 0)
    throw new UserError(
      `${name} has rights on ${missing.join(', ')}, which ${missing.length > 1 ? 'are' : 'is'} not there: run npm run migrate first, and look into its rights.ts.`,
    );
  // A partition is read by way of its table.
  const whole = [...there].filter((table) => everywhere.length > 0 && !/_default$|_\d{8}$/.test(table));
  const rest = [...new Set([...whole, ...Object.keys(plain)])].map((table) => [
    table,
    [...new Set([...(plain[table] ?? []), ...everywhere])],
  ]);
  return { ...(Object.fromEntries(rest) as TableRights), ...named };
}

function announcedBy(service: string): Login['announces'] {
  const types = Object.entries(eventCatalogue)
    .filter(([, { by }]) => by.includes(service))
    .map(([type]) => type);
  return types.length > 0 ? [{ source: `/${service}`, types }] : [];
}

function declaredRights(participants: readonly string[]): Map<string, Rights> {
  const root = path.join(checkout, 'dist');
  return new Map(
    withoutOtherExamples(foldersWith('rights.js', root), participants).map((folder) => {
      // A folder found at run time cannot be imported statically.
      const { rights } = require(path.join(root, folder.path, 'rights.js')) as { rights: Rights };
      return [folder.name, rights];
    }),
  );
}

async function tablesThere(database: Client): Promise<Set<string>> {
  const { rows } = await database.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')`,
  );
  const there = new Set(rows.map(({ name }) => name));
  if (!there.has('subscriptions'))
    throw new UserError('There are no tables to grant anything on: run npm run migrate first.');
  return there;
}

/** A consumer unbinds by itself what it takes no more, and needs the same right for that as for binding. */
async function recordedTypes(database: Client): Promise<Map<string, string[]>> {
  const { rows } = await database.query<{ consumer: string; types: string[] }>(
    'SELECT consumer, array_agg(DISTINCT event_type) AS types FROM subscriptions GROUP BY consumer',
  );
  return new Map(rows.map(({ consumer, types }) => [consumer, types]));
}
