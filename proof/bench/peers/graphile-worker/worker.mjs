import { Logger, run } from 'graphile-worker';
import { openPool, ready } from '../serve.mjs';
import { inTransaction, prepare, takeStock } from '../shop.mjs';
import { TASK } from './queue.mjs';

// A job is a transaction; ten at a time. It hears of new ones by NOTIFY.

const pool = openPool();
await run({
  pgPool: pool,
  concurrency: 10,
  noHandleSignals: true,
  logger: new Logger(() => (level, message) => {
    if (level === 'error') console.error(message);
  }),
  taskList: {
    [TASK]: ({ id }) => inTransaction(pool, async (client) => prepare(client, await takeStock(client, [id]))),
  },
});
ready();
