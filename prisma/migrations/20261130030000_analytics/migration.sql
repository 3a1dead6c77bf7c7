-- Read models of analytics-service, counted by the events. See prisma/schema/analytics-service.prisma.

CREATE TABLE "analytics_generations" (
    "id" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "complete_since" TIMESTAMPTZ(6),
    "started_at" TIMESTAMPTZ(6) NOT NULL DEFAULT now(),

    CONSTRAINT "analytics_generations_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "analytics_generations_state_check" CHECK ("state" IN ('LIVE', 'BUILDING', 'RETIRED'))
);
CREATE UNIQUE INDEX "analytics_generations_state_key" ON "analytics_generations"("state") WHERE "state" IN ('LIVE', 'BUILDING');
INSERT INTO "analytics_generations" ("id", "state") VALUES (1, 'LIVE');

-- An order is written once and touched by each of its moves: room for that on the same page.
CREATE TABLE "analytics_orders" (
    "generation" INTEGER NOT NULL,
    "order_id" UUID NOT NULL,
    "restaurant_id" UUID NOT NULL,
    "currency" TEXT,
    "total_amount" NUMERIC,
    "lines" JSON,
    "placed_at" TIMESTAMPTZ(6),
    "preparing_at" TIMESTAMPTZ(6),
    "out_for_delivery_at" TIMESTAMPTZ(6),
    "delivered_at" TIMESTAMPTZ(6),
    "cancelled_at" TIMESTAMPTZ(6),
    "cancel_reason" TEXT,

    CONSTRAINT "analytics_orders_pkey" PRIMARY KEY ("generation", "order_id")
) WITH (fillfactor = 75);

CREATE TABLE "analytics_sales" (
    "generation" INTEGER NOT NULL,
    "grain" INTEGER NOT NULL,
    "restaurant_id" UUID NOT NULL,
    "bucket" TIMESTAMPTZ(6) NOT NULL,
    "currency" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "orders" BIGINT NOT NULL,
    "amount" NUMERIC NOT NULL,

    CONSTRAINT "analytics_sales_pkey" PRIMARY KEY ("generation", "grain", "restaurant_id", "bucket", "currency", "outcome", "reason")
) WITH (fillfactor = 50);

CREATE TABLE "analytics_item_sales" (
    "generation" INTEGER NOT NULL,
    "grain" INTEGER NOT NULL,
    "restaurant_id" UUID NOT NULL,
    "bucket" TIMESTAMPTZ(6) NOT NULL,
    "menu_item_id" UUID NOT NULL,
    "currency" TEXT NOT NULL,
    "ordered" NUMERIC NOT NULL,
    "cancelled" NUMERIC NOT NULL,
    "ordered_amount" NUMERIC NOT NULL,
    "cancelled_amount" NUMERIC NOT NULL,

    CONSTRAINT "analytics_item_sales_pkey" PRIMARY KEY ("generation", "grain", "restaurant_id", "bucket", "menu_item_id", "currency")
) WITH (fillfactor = 85);

CREATE TABLE "analytics_lead_times" (
    "generation" INTEGER NOT NULL,
    "grain" INTEGER NOT NULL,
    "restaurant_id" UUID NOT NULL,
    "bucket" TIMESTAMPTZ(6) NOT NULL,
    "stage" TEXT NOT NULL,
    "bin" INTEGER NOT NULL,
    "orders" BIGINT NOT NULL,

    CONSTRAINT "analytics_lead_times_pkey" PRIMARY KEY ("generation", "grain", "restaurant_id", "bucket", "stage", "bin")
) WITH (fillfactor = 85);

CREATE TABLE "analytics_open_orders" (
    "generation" INTEGER NOT NULL,
    "restaurant_id" UUID NOT NULL,
    "status" TEXT NOT NULL,
    "orders" BIGINT NOT NULL,

    CONSTRAINT "analytics_open_orders_pkey" PRIMARY KEY ("generation", "restaurant_id", "status")
) WITH (fillfactor = 30);

CREATE TABLE "analytics_stock_alerts" (
    "generation" INTEGER NOT NULL,
    "event_id" UUID NOT NULL,
    "event_source" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "restaurant_id" UUID NOT NULL,
    "menu_item_id" UUID NOT NULL,
    "available_qty" BIGINT NOT NULL,
    "happened_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "analytics_stock_alerts_pkey" PRIMARY KEY ("generation", "event_id", "event_source")
);
CREATE INDEX "analytics_stock_alerts_happened_at_idx" ON "analytics_stock_alerts"("generation", "happened_at");
CREATE INDEX "analytics_stock_alerts_restaurant_id_idx" ON "analytics_stock_alerts"("generation", "restaurant_id", "happened_at");
