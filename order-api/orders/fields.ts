import { z } from 'zod';
import { orderStatuses } from '../../shared/lifecycle/order-lifecycle';
import { amount, id, text, uuid, wholeNumber } from '../http/fields';

export const MAX_LINES = 100;
export const MAX_QUANTITY = 100_000;

const line = z
  .strictObject({
    menu_item_id: id.optional(),
    sku: text(64).optional(),
    quantity: wholeNumber(1, MAX_QUANTITY),
  })
  .refine((line) => (line.menu_item_id === undefined) !== (line.sku === undefined), {
    error: 'must name its item by menu_item_id or by sku, one of the two',
    // Said also where something else is wrong with the line.
    when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
  });

/** The lines of an order as they are sent. */
export const lines = z
  .array(line, { error: 'must be a list of lines' })
  .min(1, { error: 'must have at least one line' })
  .max(MAX_LINES, { error: `must have ${MAX_LINES} lines at most` });

export type RequestedLine = z.output<typeof line>;

/** One string, or its parts under names of the client's choosing; kept as it is. */
export const deliveryAddress = z
  .union([text(500), z.record(text(50), text(200))], { error: 'must be a string, or an object of strings' })
  .refine(
    (address) =>
      typeof address === 'string' || (Object.keys(address).length >= 1 && Object.keys(address).length <= 20),
    {
      error: 'must have from 1 to 20 parts',
    },
  );

export const status = z.enum(orderStatuses, { error: `must be one of ${orderStatuses.join(', ')}` });

/** What a move of an order answers. */
export const movedAnswer = z
  .object({ order_id: uuid, status: z.enum(orderStatuses), message: z.string() })
  .meta({ id: 'OrderMoved' });

export const placedAnswer = z
  .object({ order_id: uuid, status: z.enum(['PLACED']), total_amount: amount, message: z.string() })
  .meta({ id: 'OrderPlaced' });
