import type { HandlerTable } from '../shared/messaging/handler';
import { countOrders } from './count-orders';
import { countStockAlerts } from './count-stock-alerts';

/** What analytics-service handles: what orders come to, and when stock runs low. */
export const handlers = {
  'order.placed.v1': countOrders,
  'order.status.preparing.v1': countOrders,
  'order.status.out_for_delivery.v1': countOrders,
  'order.status.delivered.v1': countOrders,
  'order.cancelled.v1': countOrders,
  'inventory.low_stock.v1': countStockAlerts,
  'inventory.out_of_stock.v1': countStockAlerts,
} satisfies HandlerTable;
