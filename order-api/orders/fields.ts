import { z } from 'zod';
import { paymentMethods } from '../../shared/events/contracts';
import { orderStatuses } from '../../shared/lifecycle/order-lifecycle';
import {
  amount,
  amountInput,
  id,
  lines as linesOfText,
  openEnum,
  opaqueText,
  text,
  uuid,
  wholeNumber,
} from '../http/fields';

export const MAX_LINES = 100;
export const MAX_QUANTITY = 100_000;

/** For a rule over several fields: it is checked also where one of them is bad by itself. */
export const isObject = ({ value }: { value: unknown }) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const line = z
  .strictObject({
    menu_item_id: id.optional(),
    sku: text(64).optional(),
    quantity: wholeNumber(1, MAX_QUANTITY),
    note: linesOfText(200).optional().meta({ description: 'For the kitchen' }),
  })
  .refine((line) => (line.menu_item_id === undefined) !== (line.sku === undefined), {
    error: 'must name its item by menu_item_id or by sku, one of the two',
    when: isObject,
  });

/** The lines of an order as they are sent. */
export const lines = z
  .array(line, { error: 'must be a list of lines' })
  .min(1, { error: 'must have at least one line' })
  .max(MAX_LINES, { error: `must have ${MAX_LINES} lines at most` });

export type RequestedLine = z.output<typeof line>;

/** The caller's own number for an order. */
export const reference = text(100);

const LONGEST_VALUE = 500;
/** Kept to the letter, whatever it is; but PostgreSQL keeps no NUL, and nobody half a character. */
const isKeepable = (value: string): boolean =>
  Array.from(value).length <= LONGEST_VALUE && !value.includes('\0') && value.isWellFormed();
const NOT_KEEPABLE = {
  error: `must have ${LONGEST_VALUE} characters at most, and neither NUL nor half a surrogate pair`,
};

/** Of an object with names of the client's choosing. A record would pass `__proto__` over; nothing that was sent is dropped in silence. */
function keepingAll<S extends z.ZodType>(schema: S) {
  return z
    .unknown()
    .superRefine((given, context) => {
      if (typeof given === 'object' && given !== null && Object.hasOwn(given, '__proto__'))
        context.addIssue({ code: 'custom', path: ['__proto__'], message: 'is no name that can be kept' });
    })
    .pipe(schema);
}

/** As Stripe has it: https://docs.stripe.com/api/metadata */
const MOST_METADATA = 50;
export const metadata = keepingAll(
  z
    .record(opaqueText(40), z.string({ error: 'must be a string' }).refine(isKeepable, NOT_KEEPABLE), {
      error: 'must be an object of strings',
    })
    .refine((given) => Object.keys(given).length <= MOST_METADATA, {
      error: `must have ${MOST_METADATA} keys at most`,
    }),
).meta({
  type: 'object',
  maxProperties: MOST_METADATA,
  propertyNames: { type: 'string', minLength: 1, maxLength: 40 },
  additionalProperties: { type: 'string', maxLength: 500 },
});

/** What the order comes to by what the caller knows. */
export const expectedTotal = amountInput.meta({
  description:
    'What it should come to: where the menu makes it another sum, 409 `price-changed`, and nothing is placed',
});

const MOST_PARTS = 20;
/** One string, of several lines perhaps, or its parts under names of the client's choosing (which are kept to the letter: two
 * that look the same stay two parts). */
export const deliveryAddress = keepingAll(
  z
    .union([linesOfText(500), z.record(opaqueText(50), linesOfText(200))], {
      error: 'must be a string, or an object of strings',
    })
    .refine(
      (address) =>
        typeof address === 'string' ||
        (Object.keys(address).length >= 1 && Object.keys(address).length <= MOST_PARTS),
      { error: `must have from 1 to ${MOST_PARTS} parts` },
    ),
).meta({
  anyOf: [
    { type: 'string', minLength: 1, maxLength: 500 },
    {
      type: 'object',
      minProperties: 1,
      maxProperties: MOST_PARTS,
      propertyNames: { type: 'string', minLength: 1, maxLength: 50 },
      additionalProperties: { type: 'string', minLength: 1, maxLength: 200 },
    },
  ],
});

export const status = z.enum(orderStatuses, { error: `must be one of ${orderStatuses.join(', ')}` });

/** How an order is to be paid. The token is a secret: it is never shown, logged or announced. */
export const payment = z
  .strictObject({
    method: z.enum(paymentMethods, { error: 'must be CASH or CARD' }),
    token: opaqueText(255)
      .optional()
      .meta({ description: "The payment gateway's token for the card; only with CARD", writeOnly: true }),
  })
  .refine(({ method, token }) => method !== 'CARD' || token !== undefined, {
    path: ['token'],
    error: 'is required where the method is CARD',
    when: isObject,
  })
  .refine(({ method, token }) => method !== 'CASH' || token === undefined, {
    path: ['token'],
    error: 'is for CARD only',
    when: isObject,
  });

export type Payment = z.output<typeof payment>;

/** An order's version as it is shown. */
export const version = z
  .int()
  .min(1)
  .meta({ description: '+1 with each change of the order; the same as in `ETag`' });

/** What a move of an order answers. */
export const movedAnswer = z
  .object({ order_id: uuid, status: z.enum(orderStatuses), message: z.string(), version })
  .meta({ id: 'OrderMoved' });

/** What placing and drafting answer. */
export const placedAnswer = z
  .object({
    order_id: uuid,
    status: z.enum(orderStatuses),
    total_amount: amount,
    message: z.string(),
    version,
  })
  .meta({ id: 'OrderPlaced' });

/** What approving answers: how it is paid, too, for it may have been approved before, and otherwise. */
export const approvedAnswer = placedAnswer
  .extend({ payment_method: openEnum(paymentMethods) })
  .meta({ id: 'OrderApproved' });
