-- Notifications that were stored together are delivered together: what happens to them is noted once for all, in
-- a row of their batch, and their own rows are written once.
CREATE TABLE "notification_batches" (
    "id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "leased_until" TIMESTAMPTZ(6),
    "delivered_at" TIMESTAMPTZ(6),
    CONSTRAINT "notification_batches_pkey" PRIMARY KEY ("id")
    -- Room for a lease on the page of the row, so that no index is told of it.
) WITH (fillfactor = 50);
CREATE INDEX "notification_batches_waiting" ON "notification_batches" ("created_at") WHERE "delivered_at" IS NULL;

-- Those that were delivered share one batch: a default for rows that are there already rewrites none of them.
ALTER TABLE "notifications" ADD COLUMN "batch_id" UUID NOT NULL DEFAULT '00000000-0000-7000-8000-000000000000';
INSERT INTO "notification_batches" ("id", "created_at", "delivered_at")
    SELECT '00000000-0000-7000-8000-000000000000', min("created_at"), max("delivered_at")
    FROM "notifications" WHERE "delivered_at" IS NOT NULL HAVING count(*) > 0;
-- Each that waits is a batch of its own, with the lease it has.
WITH "waiting" AS (
    UPDATE "notifications" SET "batch_id" = "id" WHERE "delivered_at" IS NULL
    RETURNING "id", "created_at", "leased_until")
INSERT INTO "notification_batches" ("id", "created_at", "leased_until")
    SELECT "id", "created_at", "leased_until" FROM "waiting";

DROP INDEX "notifications_waiting";
ALTER TABLE "notifications" ALTER COLUMN "batch_id" DROP DEFAULT, DROP COLUMN "delivered_at", DROP COLUMN "leased_until";
CREATE INDEX "notifications_batch_id_idx" ON "notifications" ("batch_id");
