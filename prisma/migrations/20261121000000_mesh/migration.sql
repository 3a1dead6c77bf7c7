-- The mesh's own tables -----------------------------------------------------

CREATE TABLE "outbox_events" (
    "seq" BIGSERIAL NOT NULL,
    "event_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "correlation_id" TEXT NOT NULL,
    "causation_id" UUID,
    "body" JSON NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(6),
    "last_error" TEXT,
    CONSTRAINT "outbox_events_pkey" PRIMARY KEY ("seq")
);
-- Rows come and go at the rate of the mesh: vacuum by count, not by share of the
-- table, or the claim query wades through dead entries at the head of the index.
ALTER TABLE "outbox_events" SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX "outbox_events_ready" ON "outbox_events" ("seq") WHERE "next_attempt_at" IS NULL;
CREATE INDEX "outbox_events_waiting" ON "outbox_events" ("next_attempt_at") WHERE "next_attempt_at" IS NOT NULL;

-- Partitioned by event id: a UUIDv7 begins with its time in milliseconds, so a
-- range of ids is a range of time, and the primary key can stay what dedupe needs.
-- Ids that are not UUIDv7, and times without a partition, go to the default one.
CREATE TABLE "event_log" (
    "event_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "correlation_id" TEXT NOT NULL,
    "causation_id" UUID,
    "body" JSON NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL,
    "published_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "event_log_pkey" PRIMARY KEY ("event_id")
) PARTITION BY RANGE ("event_id");
CREATE TABLE "event_log_default" PARTITION OF "event_log" DEFAULT;
CREATE INDEX "event_log_subject_idx" ON "event_log" ("subject");

CREATE TABLE "processed_events" (
    "consumer" TEXT NOT NULL,
    "event_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 1,
    "processed_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "processed_events_pkey" PRIMARY KEY ("consumer", "event_id")
) PARTITION BY RANGE ("event_id");
CREATE TABLE "processed_events_default" PARTITION OF "processed_events" DEFAULT;

CREATE TABLE "delivery_failures" (
    "id" BIGSERIAL NOT NULL,
    "consumer" TEXT NOT NULL,
    "event_id" UUID,
    "type" TEXT,
    "subject" TEXT,
    "attempt" INTEGER NOT NULL,
    "reason" TEXT NOT NULL,
    "error" TEXT NOT NULL,
    "outcome" TEXT NOT NULL CHECK ("outcome" IN ('RETRIED', 'DEAD_LETTERED')),
    "failed_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "delivery_failures_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "delivery_failures_event_id_idx" ON "delivery_failures" ("event_id");
CREATE INDEX "delivery_failures_failed_at_idx" ON "delivery_failures" ("failed_at");

CREATE TABLE "subscriptions" (
    "consumer" TEXT NOT NULL,
    "event_type" TEXT NOT NULL,
    "since" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "until" TIMESTAMPTZ(6),
    CONSTRAINT "subscriptions_pkey" PRIMARY KEY ("consumer", "event_type", "since")
);
CREATE UNIQUE INDEX "subscriptions_current" ON "subscriptions" ("consumer", "event_type") WHERE "until" IS NULL;

-- order-api -------------------------------------------------------------------

CREATE TABLE "restaurants" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "currency" TEXT NOT NULL DEFAULT 'INR',
    "locale" TEXT NOT NULL DEFAULT 'en-IN',
    "time_zone" TEXT NOT NULL DEFAULT 'Asia/Kolkata',
    "email" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "restaurants_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "menu_items" (
    "id" UUID NOT NULL,
    "restaurant_id" UUID NOT NULL,
    "sku" TEXT,
    "name" TEXT NOT NULL,
    "price" DECIMAL(10,2) NOT NULL CHECK ("price" >= 0),
    "category" TEXT,
    "unit" TEXT,
    "low_stock_threshold" INTEGER NOT NULL DEFAULT 10 CHECK ("low_stock_threshold" >= 0),
    "on_sale" BOOLEAN NOT NULL DEFAULT true,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "menu_items_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "menu_items_restaurant_id_fkey" FOREIGN KEY ("restaurant_id") REFERENCES "restaurants"("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "menu_items_restaurant_id_sku_key" ON "menu_items" ("restaurant_id", "sku");

CREATE TABLE "adjustment_requests" (
    "id" UUID NOT NULL,
    "menu_item_id" UUID NOT NULL,
    "delta" INTEGER NOT NULL CHECK ("delta" <> 0),
    "reason" TEXT NOT NULL,
    "requested_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "adjustment_requests_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "adjustment_requests_menu_item_id_idx" ON "adjustment_requests" ("menu_item_id");

CREATE TABLE "orders" (
    "id" UUID NOT NULL,
    "restaurant_id" UUID NOT NULL,
    "customer_id" TEXT,
    "email" TEXT,
    "delivery_address" JSONB,
    "status" TEXT NOT NULL CHECK ("status" IN ('DRAFT', 'PLACED', 'PREPARING', 'OUT_FOR_DELIVERY', 'DELIVERED', 'CANCELLED')),
    "currency" TEXT NOT NULL,
    "total_amount" DECIMAL(16,2) NOT NULL CHECK ("total_amount" >= 0),
    "payment_method" TEXT NOT NULL DEFAULT 'CASH' CHECK ("payment_method" IN ('CASH', 'CARD')),
    "cancel_reason" TEXT,
    "correlation_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "placed_at" TIMESTAMPTZ(6),
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "orders_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "orders_restaurant_id_fkey" FOREIGN KEY ("restaurant_id") REFERENCES "restaurants"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "orders_cancel_reason_check" CHECK (("status" = 'CANCELLED') = ("cancel_reason" IS NOT NULL))
);
CREATE INDEX "orders_restaurant_id_id_idx" ON "orders" ("restaurant_id", "id");
CREATE INDEX "orders_customer_id_id_idx" ON "orders" ("customer_id", "id");
CREATE INDEX "orders_status_id_idx" ON "orders" ("status", "id");

CREATE TABLE "order_lines" (
    "order_id" UUID NOT NULL,
    "menu_item_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "sku" TEXT,
    "name" TEXT NOT NULL,
    "price" DECIMAL(10,2) NOT NULL CHECK ("price" >= 0),
    "quantity" INTEGER NOT NULL CHECK ("quantity" > 0),
    CONSTRAINT "order_lines_pkey" PRIMARY KEY ("order_id", "menu_item_id"),
    CONSTRAINT "order_lines_order_id_fkey" FOREIGN KEY ("order_id") REFERENCES "orders"("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

CREATE TABLE "order_status_history" (
    "id" BIGSERIAL NOT NULL,
    "order_id" UUID NOT NULL,
    "from_status" TEXT,
    "to_status" TEXT NOT NULL,
    "actor" TEXT NOT NULL CHECK ("actor" IN ('CUSTOMER', 'STAFF', 'MESH')),
    "reason" TEXT,
    "note" TEXT,
    "caused_by" UUID,
    "moved_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "order_status_history_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "order_status_history_order_id_fkey" FOREIGN KEY ("order_id") REFERENCES "orders"("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX "order_status_history_order_id_id_idx" ON "order_status_history" ("order_id", "id");

-- inventory-service -------------------------------------------------------------

CREATE TABLE "stock_levels" (
    "menu_item_id" UUID NOT NULL,
    -- The last line of defence against overselling, should all others fail.
    "available" INTEGER NOT NULL CHECK ("available" >= 0),
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "stock_levels_pkey" PRIMARY KEY ("menu_item_id")
) WITH (fillfactor = 50); -- room for HOT updates of a hot item

CREATE TABLE "stock_movements" (
    "id" BIGSERIAL NOT NULL,
    "menu_item_id" UUID NOT NULL,
    "kind" TEXT NOT NULL CHECK ("kind" IN ('OPENING', 'DEDUCTION', 'RESTORATION', 'ADJUSTMENT')),
    "delta" INTEGER NOT NULL,
    "balance" INTEGER NOT NULL CHECK ("balance" >= 0),
    "order_id" UUID,
    "adjustment_id" UUID,
    "caused_by" UUID,
    "moved_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "stock_movements_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "stock_movements_owner_check" CHECK (CASE "kind"
        WHEN 'OPENING' THEN "order_id" IS NULL AND "adjustment_id" IS NULL AND "delta" >= 0
        WHEN 'DEDUCTION' THEN "order_id" IS NOT NULL AND "adjustment_id" IS NULL AND "delta" < 0
        WHEN 'RESTORATION' THEN "order_id" IS NOT NULL AND "adjustment_id" IS NULL AND "delta" > 0
        ELSE "order_id" IS NULL AND "adjustment_id" IS NOT NULL AND "delta" <> 0 END)
);
CREATE INDEX "stock_movements_menu_item_id_id_idx" ON "stock_movements" ("menu_item_id", "id");
-- One deduction and one restoration an order and item, one movement an adjustment,
-- one opening an item: held by the database even if every dedupe row were gone.
CREATE UNIQUE INDEX "stock_movements_order_once" ON "stock_movements" ("order_id", "menu_item_id", "kind") WHERE "order_id" IS NOT NULL;
CREATE UNIQUE INDEX "stock_movements_adjustment_once" ON "stock_movements" ("adjustment_id") WHERE "adjustment_id" IS NOT NULL;
CREATE UNIQUE INDEX "stock_movements_opening_once" ON "stock_movements" ("menu_item_id") WHERE "kind" = 'OPENING';

CREATE TABLE "stock_reservations" (
    "order_id" UUID NOT NULL,
    "state" TEXT NOT NULL CHECK ("state" IN ('DEDUCTED', 'REJECTED', 'RESTORED', 'CANCELLED')),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "stock_reservations_pkey" PRIMARY KEY ("order_id")
);

CREATE TABLE "adjustment_outcomes" (
    "adjustment_id" UUID NOT NULL,
    "menu_item_id" UUID NOT NULL,
    "status" TEXT NOT NULL CHECK ("status" IN ('APPLIED', 'REJECTED')),
    "rejection" TEXT,
    "available" INTEGER NOT NULL,
    "settled_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "adjustment_outcomes_pkey" PRIMARY KEY ("adjustment_id")
);

-- notification-service ------------------------------------------------------------

CREATE TABLE "notifications" (
    "id" UUID NOT NULL,
    "event_id" UUID NOT NULL,
    "event_type" TEXT NOT NULL,
    "audience" TEXT NOT NULL CHECK ("audience" IN ('CUSTOMER', 'RESTAURANT')),
    "order_id" UUID,
    "menu_item_id" UUID,
    "restaurant_id" UUID NOT NULL,
    "title" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "correlation_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "delivered_at" TIMESTAMPTZ(6),
    "leased_until" TIMESTAMPTZ(6),
    CONSTRAINT "notifications_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "notifications_event_id_audience_key" ON "notifications" ("event_id", "audience");
CREATE INDEX "notifications_order_id_idx" ON "notifications" ("order_id");
CREATE INDEX "notifications_waiting" ON "notifications" ("created_at") WHERE "delivered_at" IS NULL;
