import { types } from 'pg';
import { Prisma } from '../../prisma/generated/client';

// Values and rows of the bare driver, as Prisma's raw queries have them.

/** A value as PostgreSQL is sent it: its text. */
export function encode(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value === 'bigint' || Prisma.Decimal.isDecimal(value)) return String(value);
  return value;
}

const { builtins } = types;
const utc = (text: string): Date => new Date(`${text.replace(' ', 'T')}Z`);
const PARSERS = new Map<number, (text: string) => unknown>([
  [builtins.INT8, BigInt],
  [builtins.NUMERIC, (text) => new Prisma.Decimal(text)],
  // These have no zone of their own; the session's is UTC.
  [builtins.TIMESTAMP, utc],
  [builtins.DATE, (text) => new Date(text)],
]);

/** Reads what comes back. */
export const getTypeParser = ((oid: number, format?: 'text') =>
  PARSERS.get(oid) ?? types.getTypeParser(oid, format)) as typeof types.getTypeParser;
