import { UUID_PART } from '../http/cursor';
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

/** Microseconds since 1970 that PostgreSQL has a time for, and an id. */
export const POSITION_SHAPE = [/^(0|[1-9]\d{0,17})$/, UUID_PART];

/** A row's position as a cursor keeps it. */
export const positionOf = ({ id, listed_us }: Position): string[] => [listed_us, id];

/** What comes after a position, newest first. */
export const after = ([listedUs, id]: readonly string[]): Prisma.Sql => Prisma.sql`
  (${LISTED_AT}, id) < (timestamptz 'epoch' + ${listedUs}::bigint * interval '1 microsecond', ${id}::uuid)`;
