import type { ChannelModel } from 'amqplib';
import type { Client } from 'pg';
import { z } from 'zod';
import { connectBroker } from '../../shared/messaging/connect-broker';
import { declaredServices, wantedSubscriptions } from '../../shared/messaging/discover-subscriptions';
import { retryDelays } from '../../shared/messaging/retry-config';
import { readConfig } from '../../shared/service/config';
import { parsePostgresUrl } from '../../shared/service/postgres-url';
import { PostgresClient } from '../../shared/service/postgres-client';
import { redactText } from '../../shared/service/redact';
import { foldersWith } from '../../shared/service/service-folders';
import { sessionConfig } from '../../shared/service/session-settings';
import { findMigrations } from '../find-migrations';
import { findStrangers } from '../find-strangers';
import { addressOf, type ServerUrls } from '../server-urls';
import { checkout } from '../servers/checkout';
import { UserError } from '../servers/search';
import { checkQueues, checkSubscriptions, type QueueChange, type SubscriptionChange } from './check-queues';
import { checkRights, checkWritable } from './check-rights';
import { checkRunning, rolesWithGrants, type Running } from './check-running';
import { checkSchema, type CheckedSchema } from './check-schema';

export interface MigrateCheck {
  /** Whether it can be done while the mesh runs. */
  online: boolean;
  /** Why not, a sentence each. */
  because: string[];
  /** Whether there is anything to do. */
  changes: boolean;
  schema: CheckedSchema;
  queues: QueueChange[];
  subscriptions: SubscriptionChange[];
  /** What has to be run afterwards. */
  afterwards: string[];
  running: Running[];
}

export interface CheckOptions extends ServerUrls {
  examples?: readonly string[];
  without?: readonly string[];
}

/**
 * What npm run migrate would do, and whether the mesh can run meanwhile. Everything is read, in read-only transactions
 * and by passive declarations.
 * @throws {UserError} where it cannot find out, e.g. because a server is away
 */
export async function checkMigrate(options: CheckOptions): Promise<MigrateCheck> {
  const { RETRY_DELAYS } = readConfig(z.object({ RETRY_DELAYS: retryDelays }));
  const database = new PostgresClient(
    sessionConfig(options.databaseUrl, {
      kind: 'command',
      applicationName: 'ordermesh-migrate-check',
    }),
  );
  database.on('error', () => undefined); // the query in progress rejects with it
  await database.connect().catch(cannotReach('PostgreSQL', options.databaseUrl));
  try {
    // As migrate's own session would be; only then is this one kept from writing.
    const unwritable = await checkWritable(database);
    await database.query('SET default_transaction_read_only = on');
    const connection = await connectBroker(options.rabbitmqUrl, {
      timeout: 10_000,
      clientProperties: { connection_name: 'ordermesh-migrate-check' },
    }).catch(cannotReach('RabbitMQ', options.rabbitmqUrl));
    try {
      const looked = await look(database, connection, options, RETRY_DELAYS);
      return judge({ ...looked, refused: [...(unwritable ? [unwritable] : []), ...looked.refused] });
    } finally {
      await connection.close().catch(() => undefined);
    }
  } finally {
    await database.end();
  }
}

type Looked = Omit<MigrateCheck, 'online' | 'because' | 'changes' | 'afterwards'> & {
  roles: string[];
  /** Why PostgreSQL, or npm run migrate itself, would refuse to do anything. */
  refused: string[];
};

async function look(
  database: Client,
  connection: ChannelModel,
  options: CheckOptions,
  ladder: z.output<typeof retryDelays>,
): Promise<Looked> {
  const { schema } = parsePostgresUrl(options.databaseUrl);
  try {
    // Before their tables are taken for the mesh's, and read.
    const strangers = await findStrangers(database, schema, findMigrations(options.examples ?? []));
    if (strangers) return { ...NOTHING, refused: [strangers] };
    const looked = await lookAtAll(database, connection, options, ladder);
    return { ...looked, refused: await checkRights(database, schema, looked.schema.pending) };
  } catch (error) {
    if ((error as { code?: string }).code !== INSUFFICIENT_PRIVILEGE) throw error;
    const refused = `${(error as Error).message}: use the role that owns the mesh’s tables`;
    return { ...NOTHING, refused: [refused] };
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const INSUFFICIENT_PRIVILEGE = '42501';

/** Of what cannot be looked at. */
const NOTHING: Omit<Looked, 'refused'> = {
  schema: { pending: [], failed: [], changed: [], newer: [] },
  queues: [],
  subscriptions: [],
  running: [],
  roles: [],
};

async function lookAtAll(
  database: Client,
  connection: ChannelModel,
  { examples = [], without = [] }: CheckOptions,
  ladder: z.output<typeof retryDelays>,
): Promise<Omit<Looked, 'refused'>> {
  const wanted = await wantedSubscriptions(database, { examples, without });
  const migrations = findMigrations([...examples, ...(await declaredServices(database))]);
  const examplesOwn = foldersWith('migrations', checkout).filter(({ isExample }) => isExample);
  const known = findMigrations(examplesOwn.map(({ name }) => name));
  return {
    schema: await checkSchema(database, migrations, new Set(known.map(({ name }) => name))),
    queues: await checkQueues(connection, database, wanted, ladder),
    subscriptions: await checkSubscriptions(database, wanted),
    running: await checkRunning(database),
    roles: await rolesWithGrants(database),
  };
}

function judge({ roles, refused, ...looked }: Looked): MigrateCheck {
  const { schema, queues, subscriptions, running } = looked;
  const because = [
    ...refused,
    ...schema.failed.map(
      (name) =>
        `${name} was begun once and did not end; npm run migrate refuses to go on (see docs/guides/upgrading.md)`,
    ),
    ...schema.changed.map(
      (name) =>
        `${name} was written otherwise when it was applied here, so the tables may not be what this version takes them for`,
    ),
    ...schema.pending.flatMap(({ name, error, statements }) => [
      ...(error ? [`${name} cannot be applied: ${error}`] : []),
      ...statements.flatMap(({ blocks }) => (blocks ? [`${name}: ${blocks}`] : [])),
    ]),
    ...queues.flatMap(({ name, blocks }) => (blocks ? [`${name}: ${blocks}`] : [])),
  ];
  const kept = queues.filter(
    ({ name, change }) =>
      change === 'other arguments' && running.some(({ service, older = 0 }) => service === name && older > 0),
  );
  const afterwards = [
    ...(roles.length > 0 && schema.pending.length > 0
      ? [
          `npm run users, before services of this version start: ${roles.length} roles have rights of their own`,
        ]
      : []),
    ...kept.map(
      ({ name }) =>
        `npm run migrate again, when no older instance of ${name} runs: until then its queue is used as it is`,
    ),
  ];
  return {
    online: because.length === 0,
    because,
    changes: schema.pending.length + queues.length + subscriptions.length > 0,
    ...looked,
    afterwards,
  };
}

const cannotReach =
  (what: string, url: string) =>
  (error: unknown): never => {
    throw new UserError(
      `${what} at ${addressOf(url)} cannot be asked: ${redactText((error as Error).message || String((error as { code?: string }).code))}`,
    );
  };
