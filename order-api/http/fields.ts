import { z } from 'zod';
import { rfc3339 } from '../../shared/events/attributes';
import { Decimal, formatPrice, MAX_PRICE } from '../../shared/money';

export { email, lines, opaqueText, text } from './text';

// The building blocks of requests and answers; messages say what to send instead.

export const id = z.guid({ error: 'must be a UUID' }).transform((value) => value.toLowerCase());

/**
 * For a rule that makes no sense of a value which another has refused. (`abort` would say the same, but it also
 * keeps the rules of the objects around the field from being checked, and so from being told at once.)
 */
const ifGoodSoFar = ({ issues }: { issues: readonly unknown[] }) => issues.length === 0;

/** A whole number within limits. */
export const wholeNumber = (least: number, most: number) =>
  z
    .number({ error: 'must be a number' })
    .refine(Number.isInteger, { error: 'must be a whole number' })
    .refine((value) => value >= least && value <= most, {
      error: `must be from ${least} to ${most}`,
      when: ifGoodSoFar,
    })
    .meta({ type: 'integer', minimum: least, maximum: most });

const PRICE = /^\d{1,7}(\.\d{1,2})?$/;

/** A price as it may be sent: a number or a string, with two decimals at most; `"450.00"` within. */
export const priceInput = z
  .union(
    [
      z.number().meta({ minimum: 0, maximum: MAX_PRICE.toNumber() }),
      z.string().meta({ pattern: PRICE.source }),
    ],
    { error: 'must be a number or a string such as "450.00"' },
  )
  .refine((value) => PRICE.test(String(value)) && new Decimal(value).lte(MAX_PRICE), {
    error: `must be a decimal from 0 to ${MAX_PRICE.toFixed()} with two places at most`,
    abort: true,
  })
  .transform((value) => formatPrice(value))
  .meta({
    description: 'A number, or a string such as "450.00"; two decimals at most',
    examples: [450, '450.00'],
  });

// What answers are made of. They describe; answers are built by typed code and not checked again.
export const price = z.string().meta({ description: 'Two decimals', example: '450.00' });
export const amount = z.number().meta({ description: 'At most two decimals', example: 900 });
export const uuid = z.string().meta({ format: 'uuid' });
export const timestamp = z.string().meta({ format: 'date-time', example: '2026-11-21T08:30:00.000Z' });

/** An enum to which values may be added: an answer shows what a newer version wrote, and clients are told to expect it. */
export const openEnum = (values: readonly string[], what = '') =>
  z.string().meta({
    description: `${what}${values.join(', ')}. Values may be added: expect others`,
    examples: [...values],
    'x-extensible-enum': [...values],
  });

/** What every list takes; beside it `cursor`. */
export const page = {
  limit: z
    .string()
    .default('50')
    .refine((value) => /^\d{1,4}$/.test(value) && Number(value) >= 1 && Number(value) <= 200, {
      error: 'must be a whole number from 1 to 200',
    })
    .transform(Number)
    .meta({ type: 'integer', minimum: 1, maximum: 200, default: 50 }),
};

/** One or several of some values: `PLACED,PREPARING`, or the parameter repeated. Sorted, each once. */
export const severalOf = <T extends string>(values: readonly T[]) =>
  z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat().flatMap((part) => part.split(',')))
    .refine((given): given is T[] => given.every((one) => (values as readonly string[]).includes(one)), {
      error: `must be one of ${values.join(', ')}, or several with commas between`,
    })
    .transform((given) => [...new Set(given as T[])].sort())
    .meta({
      type: 'string',
      description: `${values.join(', ')}; several with commas between`,
      pattern: `^(${values.join('|')})(,(${values.join('|')}))*$`,
    });

/** A moment as a query parameter, in UTC. A `+` that was not written as `%2B` arrives as a space. */
export const timeParameter = z
  .string()
  .transform((text) => text.replace(/ (\d\d:\d\d)$/, '+$1'))
  .pipe(rfc3339)
  .meta({ type: 'string', format: 'date-time', example: '2026-11-21T08:30:00Z' });

/** A moment as a query parameter, or a whole day: which it is, its length says. */
export const dayOrTime = z
  .union([z.iso.date(), timeParameter], {
    error: 'is neither an RFC 3339 time, such as 2026-11-25T08:30:00Z, nor a day, such as 2026-11-25',
  })
  .meta({
    type: 'string',
    anyOf: [{ format: 'date-time' }, { format: 'date' }],
    example: '2026-11-21T08:30:00Z',
  });

const AMOUNT = /^\d{1,14}(\.\d{1,2})?$/;

/** An amount as it may be sent: a number or a string, with two decimals at most. */
export const amountInput = z
  .union([z.number().meta({ minimum: 0 }), z.string().meta({ pattern: AMOUNT.source })], {
    error: 'must be a number or a string such as "900.00"',
  })
  .refine((value) => AMOUNT.test(String(value)), {
    error: 'must be a decimal from 0 with two places at most',
    abort: true,
  })
  .transform((value) => new Decimal(value))
  .meta({ description: 'A number, or a string such as "900.00"', examples: [900, '900.00'] });
