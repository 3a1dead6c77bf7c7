import type { Database } from '../../shared/service/database';

/**
 * Ids that stand in the examples of the documentation. Where the document is served, those of this shop take their
 * places, so that "Execute" in Swagger UI works as it is generated: a draft where one is needed, and so on.
 */
export const exampleIds = {
  restaurant: '018f0000-0000-7000-8000-000000000001',
  item: '018f0000-0000-7000-8000-000000000002',
  order: '018f0000-0000-7000-8000-000000000003',
  orderToMove: '018f0000-0000-7000-8000-000000000004',
  orderToCancel: '018f0000-0000-7000-8000-000000000005',
  draft: '018f0000-0000-7000-8000-000000000006',
  draftToApprove: '018f0000-0000-7000-8000-000000000007',
  adjustment: '018f0000-0000-7000-8000-000000000008',
  adjustedItem: '018f0000-0000-7000-8000-000000000009',
  webhook: '018f0000-0000-7000-8000-00000000000a',
  webhookToRemove: '018f0000-0000-7000-8000-00000000000b',
  restaurantWebhook: '018f0000-0000-7000-8000-00000000000d',
  restaurantWebhookToRemove: '018f0000-0000-7000-8000-00000000000e',
  delivery: '018f0000-0000-7000-8000-00000000000f',
  restaurantDelivery: '018f0000-0000-7000-8000-000000000010',
} as const;

/** Whose orders may be named: anybody may read the document, and "Execute" may cancel what it names. */
export const DEMO_CUSTOMER = 'demo';

type Examples = Partial<Record<keyof typeof exampleIds, string | null>>;

/** Ids of this shop that the examples may name; what there is none of is null. */
export async function readExamples(database: Database): Promise<Examples> {
  const rows = await database.$queryRaw<Examples[]>`
    WITH item AS (
      SELECT m.id, m.restaurant_id FROM menu_items m JOIN stock_levels s ON s.menu_item_id = m.id
      WHERE m.on_sale AND s.available >= 10 ORDER BY m.id LIMIT 1
    ), newest AS (
      SELECT id, status, row_number() OVER (PARTITION BY status ORDER BY id DESC) AS nth
      FROM (SELECT id, status FROM orders WHERE customer_id = ${DEMO_CUSTOMER} ORDER BY id DESC LIMIT 200) lately
    ), adjusted AS (
      SELECT id, menu_item_id FROM adjustment_requests ORDER BY id DESC LIMIT 1
    ), shop_webhook AS (
      SELECT id FROM webhook_endpoints WHERE restaurant_id IS NULL ORDER BY id LIMIT 1
    ), restaurant_webhook AS (
      SELECT id FROM webhook_endpoints WHERE restaurant_id = (SELECT restaurant_id FROM item) ORDER BY id LIMIT 1
    )
    SELECT (SELECT restaurant_id FROM item) AS restaurant, (SELECT id FROM item) AS item,
      (SELECT id FROM newest ORDER BY id DESC LIMIT 1) AS order,
      coalesce((SELECT id FROM newest WHERE status = 'PREPARING' AND nth = 1),
               (SELECT id FROM newest WHERE status = 'OUT_FOR_DELIVERY' AND nth = 1)) AS "orderToMove",
      (SELECT id FROM newest ORDER BY array_position(
         ARRAY['PREPARING', 'PLACED', 'OUT_FOR_DELIVERY', 'CANCELLED', 'DRAFT', 'DELIVERED'], status), nth DESC LIMIT 1) AS "orderToCancel",
      (SELECT id FROM newest WHERE status = 'DRAFT' AND nth = 1) AS draft,
      (SELECT id FROM newest WHERE status = 'DRAFT' ORDER BY nth DESC LIMIT 1) AS "draftToApprove",
      (SELECT id FROM adjusted) AS adjustment, (SELECT menu_item_id FROM adjusted) AS "adjustedItem",
      (SELECT id FROM shop_webhook) AS webhook, (SELECT id FROM restaurant_webhook) AS "restaurantWebhook",
      (SELECT id FROM webhook_endpoints WHERE restaurant_id IS NULL ORDER BY id DESC LIMIT 1) AS "webhookToRemove",
      (SELECT id FROM webhook_endpoints WHERE restaurant_id = (SELECT restaurant_id FROM item) ORDER BY id DESC LIMIT 1) AS "restaurantWebhookToRemove",
      (SELECT id FROM notifications WHERE channel = 'WEBHOOK' AND recipient = (SELECT id::text FROM shop_webhook) ORDER BY id DESC LIMIT 1) AS delivery,
      (SELECT id FROM notifications WHERE channel = 'WEBHOOK' AND recipient = (SELECT id::text FROM restaurant_webhook) ORDER BY id DESC LIMIT 1) AS "restaurantDelivery"`;
  return rows[0] ?? {};
}

/** The document with these ids in its examples. */
export function withLiveExamples(document: object, examples: Examples): object {
  let text = JSON.stringify(document);
  for (const [name, id] of Object.entries(examples))
    if (id) text = text.replaceAll(exampleIds[name as keyof typeof exampleIds], id);
  return JSON.parse(text) as object;
}
