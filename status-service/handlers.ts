import type { HandlerTable } from '../shared/messaging/handler';
import { cancelShortOrder } from './cancel-short-order';
import { cancelUnpaidOrder } from './cancel-unpaid-order';
import { startIfPaid, startIfStocked } from './start-preparing';

/** What status-service handles: the routing, the bindings and the documentation. */
export const handlers = {
  'inventory.deducted.success.v1': startIfPaid,
  'payment.authorized.v1': startIfStocked,
  'order.cancellation.required.v1': cancelShortOrder,
  'payment.failed.v1': cancelUnpaidOrder,
} satisfies HandlerTable;
