-- Skus and customers' names are kept trimmed, composed (NFC) and with single spaces, and looked up so: rows from before
-- follow, where no other row has the name already.
UPDATE "menu_items" m SET "sku" = kept.sku
FROM (SELECT "id", regexp_replace(normalize(btrim("sku"), NFC), '\s+', ' ', 'g') AS sku FROM "menu_items" WHERE "sku" IS NOT NULL) kept
WHERE kept."id" = m."id" AND m."sku" <> kept.sku AND kept.sku <> ''
  AND NOT EXISTS (SELECT FROM "menu_items" t WHERE t."restaurant_id" = m."restaurant_id" AND t."id" <> m."id"
    AND regexp_replace(normalize(btrim(t."sku"), NFC), '\s+', ' ', 'g') = kept.sku);
UPDATE "orders" SET "customer_id" = regexp_replace(normalize(btrim("customer_id"), NFC), '\s+', ' ', 'g')
WHERE "customer_id" <> regexp_replace(normalize(btrim("customer_id"), NFC), '\s+', ' ', 'g') AND btrim("customer_id") <> '';
