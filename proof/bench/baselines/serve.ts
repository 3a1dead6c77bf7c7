import express, { type Express, type RequestHandler } from 'express';
import { pino } from 'pino';
import { validBody } from '../../../order-api/http/validate';
import { placeOrder } from '../../../order-api/orders/place-order';

export const log = pino({ level: process.env.LOG_LEVEL ?? 'info', base: { service: 'baseline' } });

/** The body of an order, once it is valid. */
export interface OrderBody {
  restaurant_id: string;
  customer_id?: string;
  items: { menu_item_id?: string; quantity: number }[];
}

/** An Express app with one route that validates as order-api does, behind Express's own JSON parser. */
export function serve(handle: (order: OrderBody) => Promise<{ id: string; total: string }>): void {
  const app: Express = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/readyz', (_request, response) => void response.json({ ready: true }));
  const place: RequestHandler = async (request, response) => {
    const body = validBody(placeOrder.body!, request.body) as OrderBody;
    const { id, total } = await handle(body);
    log.info({ order_id: id, total_amount: Number(total) }, 'order placed');
    response.status(202).json({ order_id: id, status: 'PLACED', total_amount: Number(total) });
  };
  app.post('/api/v1/orders', express.json(), place);
  app.listen(Number(process.env.PORT), '127.0.0.1');
  process.on('disconnect', () => process.exit(0));
}
