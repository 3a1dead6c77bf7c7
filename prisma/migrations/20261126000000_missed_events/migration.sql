-- When a failed event is tried again: until then it is under way, and neither missed nor late.
ALTER TABLE "delivery_failures" ADD COLUMN "retry_at" TIMESTAMPTZ(6);
CREATE INDEX "delivery_failures_retrying" ON "delivery_failures" ("consumer", "retry_at") WHERE "retry_at" IS NOT NULL;

-- Up to when a consumer is known to have missed nothing of what was published.
CREATE TABLE "consumer_watermarks" (
    "consumer" TEXT NOT NULL,
    "complete_to" TIMESTAMPTZ(6) NOT NULL,
    "checked_at" TIMESTAMPTZ(6) NOT NULL,
    CONSTRAINT "consumer_watermarks_pkey" PRIMARY KEY ("consumer")
);
