import { announce, type Announcement, type Origin } from '../shared/events/announce';
import type { Movement } from './stock';

/** What a fall of the stock is worth telling: crossing the threshold, and reaching zero. */
export function announceLowStock(origin: Origin, { item, before, after }: Movement): Announcement[] {
  const { menu_item_id, restaurant_id, name, low_stock_threshold } = item;
  const facts = { menu_item_id, restaurant_id, name, low_stock_threshold, available_qty: after };
  const announcements: Announcement[] = [];
  if (before > low_stock_threshold && low_stock_threshold >= after) {
    announcements.push(announce(origin, 'inventory.low_stock.v1', menu_item_id, facts));
  }
  if (before > 0 && after === 0)
    announcements.push(announce(origin, 'inventory.out_of_stock.v1', menu_item_id, facts));
  return announcements;
}
