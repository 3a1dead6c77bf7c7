import { setTimeout as delay } from 'node:timers/promises';
import { openPool, ready } from '../serve.mjs';
import { inTransaction, prepare, takeStock } from '../shop.mjs';
import { openBoss, QUEUE, within } from './queue.mjs';

// boss.work() asks twice a second at most; so it is fetched here, as often as pays. A batch is one transaction, in which
// its jobs are completed, too.

const BATCH = 50;
const LOOPS = 2;
const IDLE_MS = 20;

const pool = openPool();
const boss = await openBoss();

async function work() {
  for (;;) {
    const jobs = await boss.fetch(QUEUE, { batchSize: BATCH });
    if (jobs.length === 0) {
      await delay(IDLE_MS);
      continue;
    }
    const ids = jobs.map((job) => job.id);
    await inTransaction(pool, async (client) => {
      const orderIds = jobs.map((job) => job.data.id);
      await prepare(client, await takeStock(client, orderIds));
      await boss.complete(QUEUE, ids, undefined, within(client));
    }).catch((error) => boss.fail(QUEUE, ids, { message: String(error) }));
  }
}

ready();
await Promise.all(Array.from({ length: LOOPS }, work));
