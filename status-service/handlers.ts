import type { HandlerTable } from '../shared/messaging/handler';
import { cancelShortOrder } from './cancel-short-order';
import { startPreparing } from './start-preparing';

/** What status-service handles: the routing, the bindings and the documentation. */
export const handlers = {
  'inventory.deducted.success.v1': startPreparing,
  'order.cancellation.required.v1': cancelShortOrder,
} satisfies HandlerTable;
