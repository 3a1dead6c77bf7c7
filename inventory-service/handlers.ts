import type { HandlerTable } from '../shared/messaging/handler';
import { adjustStock } from './adjust-stock';
import { releaseStock } from './release-stock';
import { reserveStock } from './reserve-stock';

/** What inventory-service handles: the routing, the bindings and the documentation. */
export const handlers = {
  'order.placed.v1': reserveStock,
  'order.cancelled.v1': releaseStock,
  'inventory.adjustment.requested.v1': adjustStock,
} satisfies HandlerTable;
