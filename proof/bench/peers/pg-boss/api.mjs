import { openPool, serveOrders } from '../serve.mjs';
import { openBoss, QUEUE, within } from './queue.mjs';

const boss = await openBoss({ supervise: false });
serveOrders(openPool(), (client, id) => boss.send(QUEUE, { id }, within(client)));
