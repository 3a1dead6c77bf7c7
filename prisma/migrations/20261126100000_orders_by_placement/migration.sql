-- Orders are listed by when they were placed, a draft by when it was made.
CREATE INDEX "orders_listed" ON "orders" (coalesce("placed_at", "created_at"), "id");
CREATE INDEX "orders_listed_by_restaurant" ON "orders" ("restaurant_id", coalesce("placed_at", "created_at"), "id");
CREATE INDEX "orders_listed_by_customer" ON "orders" ("customer_id", coalesce("placed_at", "created_at"), "id");
CREATE INDEX "orders_listed_by_status" ON "orders" ("status", coalesce("placed_at", "created_at"), "id");
DROP INDEX "orders_restaurant_id_id_idx";
DROP INDEX "orders_customer_id_id_idx";
DROP INDEX "orders_status_id_idx";

-- Drafts that nobody has touched for long: the deadline's work list.
CREATE INDEX "orders_drafts" ON "orders" ("updated_at") WHERE "status" = 'DRAFT';
