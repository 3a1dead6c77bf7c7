import { getAnalyticsItems } from './analytics/get-items';
import { getAnalyticsLeadTimes } from './analytics/get-lead-times';
import { getAnalyticsOrders } from './analytics/get-orders';
import { getAnalyticsStock } from './analytics/get-stock';
import { getAnalyticsSummary } from './analytics/get-summary';
import type { Route } from './http/route';
import { followOrder } from './live/follow-order';
import { followRestaurant } from './live/follow-restaurant';
import { addItem } from './menu/add-item';
import { addRestaurant } from './menu/add-restaurant';
import { getAdjustment, requestAdjustment } from './menu/adjustments';
import { changeItem } from './menu/change-item';
import { getItem } from './menu/get-item';
import { getMenu } from './menu/get-menu';
import { changeRestaurant, getRestaurant, listRestaurants } from './menu/restaurants';
import { approveOrder } from './orders/approve-order';
import { changeDraft } from './orders/change-draft';
import { cancelOrder, changeStatus } from './orders/move-order';
import { placeOrder } from './orders/place-order';
import { getOrder } from './orders/get-order';
import { listOrders } from './orders/list-orders';
import { getTimeline } from './orders/timeline';
import { webhookRoutes } from './webhooks/webhook-routes';

/** All of /api/v1. */
export const routes: readonly Route[] = [
  placeOrder,
  listOrders,
  getOrder,
  followOrder,
  getTimeline,
  changeDraft,
  approveOrder,
  changeStatus,
  cancelOrder,
  addRestaurant,
  addItem,
  getItem,
  changeItem,
  requestAdjustment,
  getAdjustment,
  listRestaurants,
  getRestaurant,
  changeRestaurant,
  getMenu,
  followRestaurant,
  getAnalyticsSummary,
  getAnalyticsOrders,
  getAnalyticsItems,
  getAnalyticsLeadTimes,
  getAnalyticsStock,
  ...webhookRoutes,
];
