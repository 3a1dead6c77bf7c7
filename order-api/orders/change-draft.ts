import { z } from 'zod';
import { amountAsNumber } from '../../shared/money';
import { id } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { route } from '../http/route';
import { lockOrder, notADraft } from './drafts';
import { lines } from './fields';
import { insertLines, rowsOf } from './new-order';
import { priceLines } from './price-lines';
import { orderWithHistory, readOrder } from './order-view';

export const changeDraft = route({
  method: 'put',
  path: '/orders/{id}/items',
  name: 'changeDraft',
  example: {
    params: { id: exampleIds.draft },
    body: { items: [{ menu_item_id: exampleIds.item, quantity: 3 }] },
  },
  summary: "Replace a draft's lines",
  description: 'At the prices of the menu as it is now.',
  tag: 'Orders',
  params: z.object({ id }),
  concerns: { order: 'id' },
  body: z.strictObject({ items: lines }),
  versioned: true,
  answers: {
    200: {
      description: 'The draft as it is now',
      schema: orderWithHistory,
      example: { status: 'DRAFT', placed_at: null },
    },
  },
  problems: { 'not-a-draft': 'It is no DRAFT; `current_status` says what it is' },
  async handle({ params, body }, { caller, database, log, preconditions }) {
    const order = await database.$transaction(async (tx) => {
      const { id, status, version, restaurant_id } = await lockOrder(tx, params.id);
      preconditions.check(version);
      if (status !== 'DRAFT') throw notADraft(status, 'only the lines of a DRAFT can be replaced');
      const { currency, lines, total } = await priceLines(tx, {
        restaurant_id,
        items: body.items,
        draft: true,
      });
      // In a statement of its own: within one, the INSERT could meet the rows that are being deleted.
      await tx.$executeRaw`DELETE FROM order_lines WHERE order_id = ${id}::uuid`;
      const changedAt = new Date();
      await tx.$executeRaw`
        WITH lines AS (${insertLines(rowsOf(lines, id))}), history AS (
          INSERT INTO order_status_history (order_id, restaurant_id, version, from_status, to_status, actor, moved_by, moved_at)
          VALUES (${id}::uuid, ${restaurant_id}::uuid, ${version + 1}::int, 'DRAFT', 'DRAFT', 'CUSTOMER', ${caller.id},
            ${changedAt}::timestamptz)
        )
        UPDATE orders SET currency = ${currency}, total_amount = ${total.toFixed(2)}::numeric, version = ${version + 1}::int,
          updated_at = ${changedAt}::timestamptz
        WHERE id = ${id}::uuid`;
      return readOrder(tx, id, caller);
    });
    log.info({ order_id: params.id, total_amount: amountAsNumber(order.total_amount) }, 'draft changed');
    return { status: 200, version: order.version, body: order };
  },
});
