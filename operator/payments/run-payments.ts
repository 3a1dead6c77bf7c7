import type { Payment } from '../../payment-service/payments';
import {
  findInReview,
  findStuck,
  readPayment,
  ReviewError,
  retryPayment,
  settleReview,
} from '../../payment-service/review';
import type { Database } from '../../shared/service/database';
import { withDatabase } from '../command-line/with-database';
import { readPaymentsArguments, type PaymentsArguments } from './arguments';
import { listAsJson, listAsText, paymentAsJson, paymentAsText } from './show-payments';
import { usage } from './usage';

/** What a run of the command works with. */
export interface PaymentsRun {
  args: string[];
  databaseUrl: () => string;
  /** Who runs it. */
  user: () => string;
  print: (text: string) => void;
  warn: (text: string) => void;
}

/** `npm run payments`. @returns the exit code @throws {UsageError} @throws {UserError} */
export async function runPayments(run: PaymentsRun): Promise<number> {
  const given = readPaymentsArguments(run.args);
  if (given.action === 'help') {
    run.print(usage);
    return 0;
  }
  try {
    await withDatabase('payments', run.databaseUrl(), (database) => act(run, given, database));
    return 0;
  } catch (error) {
    if (!(error instanceof ReviewError)) throw error;
    run.warn(error.message);
    return 1;
  }
}

async function act(
  { print, user }: PaymentsRun,
  given: Exclude<PaymentsArguments, { action: 'help' }>,
  database: Database,
): Promise<void> {
  switch (given.action) {
    case 'list': {
      const { stuckForMs, limit, json } = given;
      const found =
        stuckForMs === undefined
          ? await findInReview(database, limit)
          : await findStuck(database, stuckForMs, limit);
      return print(json ? listAsJson(found) : listAsText(found, stuckForMs !== undefined));
    }
    case 'show': {
      const known = await readPayment(database, given.orderId);
      return print(given.json ? paymentAsJson(known) : paymentAsText(known));
    }
    case 'retry': {
      const operator = { name: given.operator ?? user(), note: given.note ?? 'tried again' };
      return print(whatNow(await retryPayment(database, given.orderId, operator), operator.name));
    }
    case 'settle': {
      const operator = { name: given.operator ?? user(), note: given.note };
      return print(whatNow(await settleReview(database, given.orderId, given.as, operator), operator.name));
    }
  }
}

const whatNow = ({ order_id, state }: Payment, by: string) =>
  `The payment of order ${order_id} is ${state}, by ${by}. npm run payments -- show ${order_id} tells how it goes on.`;
