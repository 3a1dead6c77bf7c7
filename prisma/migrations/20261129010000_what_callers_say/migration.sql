-- What a caller says of an order, and finds it again by.
ALTER TABLE "orders" ADD COLUMN "reference" TEXT;
ALTER TABLE "orders" ADD COLUMN "note" TEXT;
ALTER TABLE "orders" ADD COLUMN "metadata" JSONB;
ALTER TABLE "order_lines" ADD COLUMN "note" TEXT;
ALTER TABLE "restaurants" ADD COLUMN "accepting_orders" BOOLEAN NOT NULL DEFAULT true;

CREATE INDEX "orders_listed_by_reference" ON "orders" ("reference", coalesce("placed_at", "created_at"), "id")
  WHERE "reference" IS NOT NULL;
CREATE INDEX "orders_updated" ON "orders" ("updated_at");
-- Drafts that were made before a moment and placed after it: all others are listed by when they were made.
CREATE INDEX "orders_drafted_for" ON "orders" USING gist (tstzrange("created_at", "placed_at", '[]'))
  WHERE "placed_at" > "created_at";

-- A menu is paged in the order in which it is shown: items without a category last.
CREATE INDEX "menu_items_in_order" ON "menu_items"
  ("restaurant_id", ("category" IS NULL), coalesce("category", ''), "name", "id");
