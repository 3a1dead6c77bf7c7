import PgBoss from 'pg-boss';
import { databaseUrl } from '../serve.mjs';

export const QUEUE = 'fulfil';

export async function openBoss(options) {
  const boss = new PgBoss({ connectionString: databaseUrl, max: 10, schedule: false, ...options });
  boss.on('error', (error) => console.error(error.message));
  await boss.start();
  return boss;
}

/** Has pg-boss work in a transaction of ours. */
export const within = (client) => ({ db: { executeSql: (text, values) => client.query(text, values) } });

export async function setUp() {
  const boss = await openBoss({ supervise: false });
  await boss.createQueue(QUEUE);
  await boss.stop();
}
