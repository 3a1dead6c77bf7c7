import { BIN_GROWTH, EVERYWHERE, GRAINS } from '../../shared/analytics/read-models';
import { Decimal } from '../../shared/money';
import { at, totalOf, type ToldOrder } from './told-orders';

/** What the read models have to come to, counted order by order from their ends: by another way than the service's. */
export function countByHand(orders: readonly ToldOrder[]) {
  const sums = new Map<string, Decimal>();
  const add = (key: unknown[], amount: Decimal.Value) => {
    const name = key.join(' ');
    sums.set(name, (sums.get(name) ?? new Decimal(0)).plus(amount));
  };
  for (const order of orders) {
    const { placed, preparing, out, delivered, cancelled } = order;
    if (placed === undefined) continue;
    const total = totalOf(order);
    const outcomes = [
      'PLACED ',
      ...(delivered === undefined ? [] : ['DELIVERED ']),
      ...(cancelled === undefined ? [] : [`CANCELLED ${order.reason ?? 'CUSTOMER'}`]),
    ];
    const leads = [
      ...(preparing === undefined ? [] : [['placed_to_preparing', preparing - placed] as const]),
      ...(preparing === undefined || delivered === undefined
        ? []
        : [['preparing_to_delivered', delivered - preparing] as const]),
      ...(delivered === undefined ? [] : [['placed_to_delivered', delivered - placed] as const]),
    ];
    for (const grain of Object.values(GRAINS)) {
      const step = grain * 60_000;
      const bucket = new Date(Math.floor(at(placed).getTime() / step) * step).toISOString();
      for (const scope of [order.restaurant, EVERYWHERE]) {
        for (const outcome of outcomes) {
          add(['orders', grain, scope, bucket, order.currency, outcome], 1);
          add(['amount', grain, scope, bucket, order.currency, outcome], total);
        }
        for (const [stage, minutes] of leads)
          add(['lead', grain, scope, bucket, stage, binOf(minutes * 60_000)], 1);
      }
      for (const { menu_item_id, quantity, price } of order.lines) {
        const key = [grain, order.restaurant, bucket, menu_item_id, order.currency];
        add(['ordered', ...key], quantity);
        add(['ordered_amount', ...key], new Decimal(price).times(quantity));
        add(['cancelled', ...key], cancelled === undefined ? 0 : quantity);
      }
    }
    if (delivered === undefined && cancelled === undefined)
      add(
        [
          'open',
          order.restaurant,
          out !== undefined ? 'OUT_FOR_DELIVERY' : preparing !== undefined ? 'PREPARING' : 'PLACED',
        ],
        1,
      );
  }
  return shown(sums);
}

const binOf = (ms: number) => Math.ceil(Math.log(Math.max(Math.round(ms), 1)) / Math.log(BIN_GROWTH));

/** In a form that both ways of counting share; what comes to nothing is not shown. */
const shown = (sums: Map<string, Decimal>) =>
  [...sums]
    .filter(([, sum]) => !sum.isZero())
    .map(([key, sum]) => `${key} = ${sum.toFixed()}`)
    .sort();

type Row = Record<string, string | number>;

/** The rows of `readAll` in the same form. */
export function countOfRows(rows: Record<string, unknown[]>): string[] {
  const sums = new Map<string, Decimal>();
  const add = (key: unknown[], amount: Decimal.Value) => sums.set(key.join(' '), new Decimal(amount));
  const bucketOf = (row: Row) => new Date(row.bucket!).toISOString();
  for (const row of rows.sales as Row[]) {
    const key = [row.grain, row.restaurant_id, bucketOf(row), row.currency, `${row.outcome} ${row.reason}`];
    add(['orders', ...key], row.orders!);
    add(['amount', ...key], row.amount!);
  }
  for (const row of rows.items as Row[]) {
    const key = [row.grain, row.restaurant_id, bucketOf(row), row.menu_item_id, row.currency];
    for (const what of ['ordered', 'cancelled', 'ordered_amount']) add([what, ...key], row[what]!);
  }
  for (const row of rows.leads as Row[])
    add(['lead', row.grain, row.restaurant_id, bucketOf(row), row.stage, row.bin], row.orders!);
  for (const row of rows.open as Row[]) add(['open', row.restaurant_id, row.status], row.orders!);
  return shown(sums);
}
