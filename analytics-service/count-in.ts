import type { Event } from '../shared/events/envelope';
import { groupBy } from '../shared/group-by';
import type { Tx } from '../shared/service/database';
import { countOrdersIn } from './count-orders';
import { countStockAlertsIn, type StockEvent } from './count-stock-alerts';
import type { OrderEvent } from './order-facts';

/** Counts events of any of the service's types in one generation alone: a rebuild's part. */
export async function countIn(tx: Tx, events: readonly Event[], generation: number): Promise<void> {
  for (const some of groupBy(events, ({ type }) => type).values()) {
    if (some[0]?.type.startsWith('inventory.'))
      await countStockAlertsIn(tx, some as StockEvent[], generation);
    else await countOrdersIn(tx, some as OrderEvent[], generation);
  }
}
