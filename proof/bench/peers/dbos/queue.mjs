import { DBOS } from '@dbos-inc/dbos-sdk';
import { databaseUrl, openPool } from '../serve.mjs';
import { inTransaction, prepare, takeStock } from '../shop.mjs';

export const QUEUE = 'orders';
export const WORKFLOW = 'fulfil';

// Two steps, each a transaction; DBOS records the outcome of each. Both change nothing where they are done a second time.
const pool = openPool();
const take = (id) => inTransaction(pool, (client) => takeStock(client, [id]));
const move = (ids) => inTransaction(pool, (client) => prepare(client, ids));

DBOS.registerWorkflow(
  async (id) => {
    const taken = await DBOS.runStep(() => take(id), { name: 'take stock' });
    if (taken.length > 0) await DBOS.runStep(() => move(taken), { name: 'prepare' });
  },
  { name: WORKFLOW },
);

export async function launch() {
  DBOS.setConfig({
    name: 'duel',
    applicationVersion: '1',
    systemDatabaseUrl: databaseUrl,
    systemDatabasePoolSize: 10,
    logLevel: 'error',
  });
  await DBOS.launch();
}

export async function setUp() {
  await launch();
  await DBOS.registerQueue(QUEUE, { workerConcurrency: 50, minPollingIntervalMs: 20 });
  await DBOS.shutdown();
}
