-- One row for each event, recipient and channel. Rows of the log stay as they are, and are delivered in batches. The
-- others are delivered one by one. Whatever only some of them have becomes optional: services of the version before
-- give all of it, and see only their own rows, by the batch.
ALTER TABLE "notifications"
    ALTER COLUMN "audience" DROP NOT NULL,
    ALTER COLUMN "restaurant_id" DROP NOT NULL,
    ALTER COLUMN "title" DROP NOT NULL,
    ALTER COLUMN "text" DROP NOT NULL,
    ALTER COLUMN "batch_id" DROP NOT NULL,
    ADD COLUMN "channel" TEXT NOT NULL DEFAULT 'LOG',
    ADD COLUMN "recipient" TEXT,
    ADD COLUMN "lane" TEXT,
    ADD COLUMN "kind" TEXT,
    ADD COLUMN "data" JSON,
    ADD COLUMN "sequence" INTEGER,
    ADD COLUMN "stale_from" INTEGER,
    ADD COLUMN "expects" TEXT,
    ADD COLUMN "gather_key" TEXT,
    ADD COLUMN "gathered_into" UUID,
    ADD COLUMN "status" TEXT NOT NULL DEFAULT 'BATCHED',
    ADD COLUMN "attempts" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "next_attempt_at" TIMESTAMPTZ(6),
    ADD COLUMN "claim" UUID,
    ADD COLUMN "last_error" TEXT,
    ADD COLUMN "sent_at" TIMESTAMPTZ(6);

-- Not of the log: its rows have the unique index by audience, and there are many of them.
CREATE UNIQUE INDEX "notifications_once" ON "notifications" ("event_id", "event_source", "channel", "recipient")
    WHERE "channel" <> 'LOG';
-- The work list: what is due in a lane.
CREATE INDEX "notifications_due" ON "notifications" ("lane", "next_attempt_at") WHERE "status" = 'PENDING';
-- What goes before another one of its order.
CREATE INDEX "notifications_earlier" ON "notifications" ("lane", "recipient", "order_id", "sequence")
    WHERE "status" = 'PENDING' AND "sequence" IS NOT NULL;
-- Those that are still being gathered, and what was gathered into one.
CREATE INDEX "notifications_gathering" ON "notifications" ("gather_key")
    WHERE "status" = 'PENDING' AND "gather_key" IS NOT NULL;
CREATE INDEX "notifications_gathered" ON "notifications" ("gathered_into") WHERE "gathered_into" IS NOT NULL;
CREATE INDEX "notifications_failed" ON "notifications" ("id") WHERE "status" = 'FAILED';

-- What a receiver answered, where a channel keeps it.
CREATE TABLE "notification_attempts" (
    "id" BIGSERIAL NOT NULL,
    "notification_id" UUID NOT NULL,
    "attempt" INTEGER NOT NULL,
    "attempted_at" TIMESTAMPTZ(6) NOT NULL,
    "latency_ms" INTEGER NOT NULL,
    "outcome" TEXT NOT NULL,
    "detail" JSON NOT NULL,
    CONSTRAINT "notification_attempts_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "notification_attempts_notification_id_idx" ON "notification_attempts" ("notification_id", "id");
CREATE INDEX "notification_attempts_attempted_at_idx" ON "notification_attempts" ("attempted_at");
