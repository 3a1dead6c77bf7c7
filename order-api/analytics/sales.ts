import { z } from 'zod';
import { groupBy } from '../../shared/group-by';
import { Decimal } from '../../shared/money';
import { countsFor, showAmount, type Report } from './report';

const count = z.int().meta({ example: 12 });
const money = z.string().meta({ description: "With the currency's decimals", example: '5400.00' });

export const salesFields = {
  orders: count.meta({ description: 'Orders that were placed' }),
  delivered: count.meta({ description: 'Of these, those that were delivered' }),
  cancelled: z
    .record(z.string(), z.int())
    .meta({ description: 'Of these, those that were cancelled, by reason', example: { CUSTOMER: 1 } }),
  revenue: z.array(
    z.object({
      currency: z.string(),
      orders: count,
      delivered: count,
      cancelled: count.meta({ example: 1 }),
      amount: money.meta({ description: 'Of all that were placed and not cancelled', example: '5400.00' }),
      cancelled_amount: money.meta({ description: 'Of those that were cancelled', example: '450.00' }),
    }),
  ),
};
export type Sales = z.output<z.ZodObject<typeof salesFields>>;

export interface SalesRow {
  nth: number;
  currency: string;
  outcome: string;
  reason: string;
  orders: bigint;
  amount: Decimal;
}

/** What orders came to, by bucket, currency and outcome. */
export const readSales = (report: Report): Promise<SalesRow[]> => report.tx.$queryRaw<SalesRow[]>`
  SELECT nth, currency, outcome, reason, sum(orders)::bigint AS orders, sum(amount) AS amount
  FROM (${countsFor(report, 'analytics_sales')}) AS counts
  GROUP BY nth, currency, outcome, reason ORDER BY nth, currency, outcome, reason`;

const ordersIn = (rows: readonly SalesRow[]) => rows.reduce((sum, { orders }) => sum + Number(orders), 0);

export function showSales(rows: readonly SalesRow[]): Sales {
  const of = (outcome: string, among = rows) => among.filter((row) => row.outcome === outcome);
  const cancelled = groupBy(of('CANCELLED'), ({ reason }) => reason);
  return {
    orders: ordersIn(of('PLACED')),
    delivered: ordersIn(of('DELIVERED')),
    cancelled: Object.fromEntries([...cancelled].map(([reason, some]) => [reason, ordersIn(some)])),
    revenue: [...groupBy(rows, ({ currency }) => currency)].map(([currency, some]) => {
      const [placed, lost] = ['PLACED', 'CANCELLED'].map((outcome) => sumOf(of(outcome, some)));
      return {
        currency,
        orders: ordersIn(of('PLACED', some)),
        delivered: ordersIn(of('DELIVERED', some)),
        cancelled: ordersIn(of('CANCELLED', some)),
        amount: showAmount(placed!.minus(lost!), currency),
        cancelled_amount: showAmount(lost!, currency),
      };
    }),
  };
}

/** As many digits as PostgreSQL adds up: a sum that is rounded would be another. */
const Exact = Decimal.clone({ precision: 150_000 });

const sumOf = (rows: readonly SalesRow[]): Decimal =>
  rows.reduce((sum, { amount }) => sum.plus(amount.toString()), new Exact(0));

/** The columns of a table of sales, one row for each currency. */
export const SALES_COLUMNS = ['currency', 'orders', 'delivered', 'cancelled', 'revenue', 'cancelled_amount'];

export const salesRows = ({ revenue }: Sales) =>
  revenue.map(({ currency, orders, delivered, cancelled, amount, cancelled_amount }) => [
    currency,
    orders,
    delivered,
    cancelled,
    amount,
    cancelled_amount,
  ]);
