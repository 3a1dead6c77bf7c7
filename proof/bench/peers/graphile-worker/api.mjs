import { openPool, serveOrders } from '../serve.mjs';
import { TASK } from './queue.mjs';

serveOrders(openPool(), (client, id) =>
  client.query({
    name: 'add job',
    text: 'SELECT graphile_worker.add_job($1, $2::json)',
    values: [TASK, JSON.stringify({ id })],
  }),
);
