import { insertIntoOutbox } from '../../shared/outbox/write-outbox';
import { briefly } from '../../shared/messaging/failure';
import { Prisma, type Database } from '../../shared/service/database';
import type { Check } from '../../shared/service/health-server';
import { LateError, within } from '../../shared/service/within';
import { takeKeys } from '../idempotency/kept-answers';
import { insertCards } from './card-token';
import { withNewOrders } from './new-order';

const ANSWER_MS = 2_000;

/** What takes orders in, and moves them, of no order at all: it needs the same grants, tables, columns and locks. */
const NOTHING = Prisma.sql`
  ${withNewOrders([], takeKeys([]))}, cards AS (${insertCards([])}), moved AS (UPDATE orders SET status = status WHERE false)
  ${insertIntoOutbox([])}`;

/**
 * A check for `/readyz`: whether an order could be placed now. A database that answers may still refuse every order: for a
 * grant that is missing, a column, a table that somebody has locked. One look is under way at a time.
 */
export function canTakeOrders(database: Database): () => Promise<Check> {
  let looking: Promise<unknown> | undefined;
  return async () => {
    looking ??= database.$executeRaw(NOTHING).finally(() => (looking = undefined));
    try {
      await within(ANSWER_MS, looking);
      return true;
    } catch (error) {
      return error instanceof LateError
        ? `no order can be placed: the database takes longer than ${ANSWER_MS} ms`
        : `no order can be placed: ${briefly(error)}`;
    }
  };
}
