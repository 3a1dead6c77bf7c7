import { DBOSClient } from '@dbos-inc/dbos-sdk';
import { databaseUrl, openPool, serveOrders } from '../serve.mjs';
import { QUEUE, WORKFLOW } from './queue.mjs';

const dbos = await DBOSClient.create({
  systemDatabaseUrl: databaseUrl,
  applicationName: 'duel',
  systemDatabasePoolSize: 10,
});
serveOrders(openPool(), (client, id) =>
  dbos.enqueueInTransaction(client, { queueName: QUEUE, workflowName: WORKFLOW, workflowID: id }, id),
);
