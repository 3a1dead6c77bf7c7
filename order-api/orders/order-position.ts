import { z } from 'zod';
import { Prisma } from '../../shared/service/database';

/** Where an order stands in a list: a poller of the newest meets an approved draft, however old the draft was. */
export const LISTED_AT = Prisma.raw('coalesce(placed_at, created_at)');

/** The position of a row, to the microsecond. */
export interface Position {
  id: string;
  /** Microseconds since 1970, as text. */
  listed_us: string;
}

export const POSITION = Prisma.sql`(extract(epoch FROM ${LISTED_AT}) * 1000000)::bigint::text AS listed_us`;

const BYTES = 8 + 16;

/** The cursor that continues after a row. */
export function cursorOf({ id, listed_us }: Position): string {
  const bytes = Buffer.alloc(BYTES);
  bytes.writeBigInt64BE(BigInt(listed_us));
  Buffer.from(id.replaceAll('-', ''), 'hex').copy(bytes, 8);
  return bytes.toString('base64url');
}

/** `cursor` of a list of orders. */
export const orderCursor = z
  .string()
  .refine((value) => readCursor(value) !== undefined, { error: 'must be a next_cursor of an earlier answer' })
  .transform((value) => readCursor(value)!)
  .optional()
  .meta({ type: 'string', description: '`next_cursor` of the page before' });

/** A moment that PostgreSQL knows; what was made up may be any number. */
const LATEST_US = 8_640_000_000_000_000_000n;

function readCursor(value: string): Position | undefined {
  const bytes = Buffer.from(value, 'base64url');
  if (bytes.length !== BYTES || bytes.toString('base64url') !== value) return undefined;
  const us = bytes.readBigInt64BE();
  if (us < 0n || us > LATEST_US) return undefined;
  const id = bytes.toString('hex', 8).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { id, listed_us: String(us) };
}

/** What comes after a position, newest first. */
export const after = ({ id, listed_us }: Position): Prisma.Sql => Prisma.sql`
  (${LISTED_AT}, id) < (timestamptz 'epoch' + ${listed_us}::bigint * interval '1 microsecond', ${id}::uuid)`;
