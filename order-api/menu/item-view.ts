import { z } from 'zod';
import { formatPrice } from '../../shared/money';
import { Prisma } from '../../shared/service/database';
import { price, timestamp, uuid } from '../http/fields';

export interface ItemRow {
  id: string;
  restaurant_id: string;
  sku: string | null;
  name: string;
  price: Prisma.Decimal;
  category: string | null;
  unit: string | null;
  low_stock_threshold: number;
  on_sale: boolean;
  created_at: Date;
  updated_at: Date;
  available: number;
}

/** The columns of an {@link ItemRow}: of `menu_items` named `m`, and of its stock. */
export const ITEM_COLUMNS = Prisma.raw(
  'm.id, m.restaurant_id, m.sku, m.name, m.price, m.category, m.unit, m.low_stock_threshold, m.on_sale, m.created_at, ' +
    'm.updated_at, s.available',
);

/** An item as every route shows it. */
export const itemAnswer = z
  .object({
    menu_item_id: uuid,
    restaurant_id: uuid,
    sku: z.string().nullable(),
    name: z.string(),
    price,
    available_qty: z.int(),
    category: z.string().nullable(),
    unit: z.string().nullable(),
    low_stock_threshold: z.int(),
    on_sale: z.boolean(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'MenuItem' });

export const showItem = (row: ItemRow): z.output<typeof itemAnswer> => ({
  menu_item_id: row.id,
  restaurant_id: row.restaurant_id,
  sku: row.sku,
  name: row.name,
  price: formatPrice(row.price),
  available_qty: row.available,
  category: row.category,
  unit: row.unit,
  low_stock_threshold: row.low_stock_threshold,
  on_sale: row.on_sale,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
});
