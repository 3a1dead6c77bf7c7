-- Every change of an order has a number: 1, 2, 3 without a gap. `orders.version` is the last one.
ALTER TABLE "orders" ADD COLUMN "version" INTEGER NOT NULL DEFAULT 1;
ALTER TABLE "order_status_history" ADD COLUMN "version" INTEGER;

UPDATE "order_status_history" h SET "version" = n.version
FROM (SELECT id, row_number() OVER (PARTITION BY order_id ORDER BY id) AS version FROM "order_status_history") n
WHERE h.id = n.id;
UPDATE "orders" o SET "version" = n.version
FROM (SELECT order_id, max(version) AS version FROM "order_status_history" GROUP BY order_id HAVING max(version) > 1) n
WHERE o.id = n.order_id;

DROP INDEX "order_status_history_order_id_id_idx";
CREATE UNIQUE INDEX "order_status_history_order_id_version_key" ON "order_status_history" ("order_id", "version");

-- Services of the version before write no number while this one is rolled out: their rows are counted for them.
-- (Semicolons are written as \x3b: a script is cut at each of them.)
CREATE FUNCTION "number_order_change"() RETURNS trigger LANGUAGE plpgsql AS E'
BEGIN
  NEW.version := 1 + coalesce((SELECT max(version) FROM order_status_history WHERE order_id = NEW.order_id), 0)\x3b
  UPDATE orders SET version = NEW.version WHERE id = NEW.order_id AND version < NEW.version\x3b
  RETURN NEW\x3b
END';
CREATE TRIGGER "order_status_history_version" BEFORE INSERT ON "order_status_history"
  FOR EACH ROW WHEN (NEW.version IS NULL) EXECUTE FUNCTION "number_order_change"();
