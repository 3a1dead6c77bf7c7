import type { Role } from './caller';

/**
 * What a role may do with a route: nothing; everything; or what concerns the customer themselves (`own`) or the
 * restaurants that somebody works for (`theirs`).
 */
export type Right = 'none' | 'own' | 'theirs' | 'all';

/**
 * Who may what: the one table of route × role. A route that is not in it does not compile. What a route marked `own`
 * or `theirs` is about, it says itself (`concerns`).
 */
export const policy = {
  placeOrder: { customer: 'own', staff: 'none', admin: 'all' },
  listOrders: { customer: 'own', staff: 'theirs', admin: 'all' },
  getOrder: { customer: 'own', staff: 'theirs', admin: 'all' },
  followOrder: { customer: 'own', staff: 'theirs', admin: 'all' },
  followRestaurant: { customer: 'none', staff: 'theirs', admin: 'all' },
  getTimeline: { customer: 'none', staff: 'theirs', admin: 'all' },
  changeDraft: { customer: 'own', staff: 'none', admin: 'all' },
  approveOrder: { customer: 'own', staff: 'none', admin: 'all' },
  moveOrder: { customer: 'none', staff: 'theirs', admin: 'all' },
  cancelOrder: { customer: 'own', staff: 'theirs', admin: 'all' },
  addRestaurant: { customer: 'none', staff: 'none', admin: 'all' },
  addItem: { customer: 'none', staff: 'theirs', admin: 'all' },
  getItem: { customer: 'all', staff: 'all', admin: 'all' },
  changeItem: { customer: 'none', staff: 'theirs', admin: 'all' },
  adjustStock: { customer: 'none', staff: 'theirs', admin: 'all' },
  getAdjustment: { customer: 'none', staff: 'theirs', admin: 'all' },
  listRestaurants: { customer: 'all', staff: 'all', admin: 'all' },
  getRestaurant: { customer: 'all', staff: 'all', admin: 'all' },
  changeRestaurant: { customer: 'none', staff: 'theirs', admin: 'all' },
  getMenu: { customer: 'all', staff: 'all', admin: 'all' },
  getAnalyticsSummary: { customer: 'none', staff: 'theirs', admin: 'all' },
  getAnalyticsOrders: { customer: 'none', staff: 'theirs', admin: 'all' },
  getAnalyticsItems: { customer: 'none', staff: 'theirs', admin: 'all' },
  getAnalyticsLeadTimes: { customer: 'none', staff: 'theirs', admin: 'all' },
  getAnalyticsStock: { customer: 'none', staff: 'theirs', admin: 'all' },
  addWebhook: { customer: 'none', staff: 'none', admin: 'all' },
  listWebhooks: { customer: 'none', staff: 'none', admin: 'all' },
  getWebhook: { customer: 'none', staff: 'none', admin: 'all' },
  changeWebhook: { customer: 'none', staff: 'none', admin: 'all' },
  removeWebhook: { customer: 'none', staff: 'none', admin: 'all' },
  rotateWebhookSecret: { customer: 'none', staff: 'none', admin: 'all' },
  testWebhook: { customer: 'none', staff: 'none', admin: 'all' },
  recoverWebhook: { customer: 'none', staff: 'none', admin: 'all' },
  listWebhookDeliveries: { customer: 'none', staff: 'none', admin: 'all' },
  resendWebhookDelivery: { customer: 'none', staff: 'none', admin: 'all' },
  addRestaurantWebhook: { customer: 'none', staff: 'theirs', admin: 'all' },
  listRestaurantWebhooks: { customer: 'none', staff: 'theirs', admin: 'all' },
  getRestaurantWebhook: { customer: 'none', staff: 'theirs', admin: 'all' },
  changeRestaurantWebhook: { customer: 'none', staff: 'theirs', admin: 'all' },
  removeRestaurantWebhook: { customer: 'none', staff: 'theirs', admin: 'all' },
  rotateRestaurantWebhookSecret: { customer: 'none', staff: 'theirs', admin: 'all' },
  testRestaurantWebhook: { customer: 'none', staff: 'theirs', admin: 'all' },
  recoverRestaurantWebhook: { customer: 'none', staff: 'theirs', admin: 'all' },
  listRestaurantWebhookDeliveries: { customer: 'none', staff: 'theirs', admin: 'all' },
  resendRestaurantWebhookDelivery: { customer: 'none', staff: 'theirs', admin: 'all' },
} as const satisfies Record<string, Record<Role, Right>>;

export type RouteName = keyof typeof policy;

export const rightOf = (role: Role, route: RouteName): Right => policy[route][role];
