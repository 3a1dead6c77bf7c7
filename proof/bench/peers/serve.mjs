import express from 'express';
import pg from 'pg';
import { inTransaction, placeOrder } from './shop.mjs';

// The HTTP side that all peers share, and how a process of theirs begins and ends.

export const databaseUrl = process.env.DATABASE_URL;

export function openPool() {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  pool.on('error', (error) => console.error(error.message));
  return pool;
}

/**
 * Serves `POST /api/v1/orders`, and answers once all is committed.
 * @param enqueue sees to what comes after the order, in the order's own transaction
 */
export function serveOrders(pool, enqueue) {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.post('/api/v1/orders', express.json(), async (request, response) => {
    const { restaurant_id, items } = request.body ?? {};
    if (typeof restaurant_id !== 'string' || !Array.isArray(items))
      return void response.status(400).json({ title: 'restaurant_id and items are missing' });
    const answer = await inTransaction(pool, async (client) => {
      const placed = await placeOrder(client, request.body);
      if (placed) await enqueue(client, placed.order_id);
      return placed;
    });
    if (answer) response.status(202).json(answer);
    else response.status(422).json({ title: 'an item is not on the menu' });
  });
  app.get(['/healthz', '/readyz'], (_request, response) => void response.json({ ready: true }));
  app.listen(Number(process.env.PORT), '127.0.0.1');
}

/** Tells the bench that a worker is at work. */
export const ready = () => process.send?.({ kind: 'ready' });

process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
