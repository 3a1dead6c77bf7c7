-- How far each running consumer has come: everything published before caught_up_at was
-- handled, set aside, or is in the hands of another instance.
CREATE TABLE "consumer_progress" (
    "consumer" TEXT NOT NULL,
    "instance" UUID NOT NULL,
    "caught_up_at" TIMESTAMPTZ(6) NOT NULL,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "consumer_progress_pkey" PRIMARY KEY ("consumer", "instance")
);

-- How often a redelivered event was begun and neither finished nor failed: each time, the
-- process died with it in hand.
CREATE TABLE "crash_suspects" (
    "consumer" TEXT NOT NULL,
    "event_id" UUID NOT NULL,
    "starts" INTEGER NOT NULL DEFAULT 1,
    "last_started_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "crash_suspects_pkey" PRIMARY KEY ("consumer", "event_id")
);

-- Orders that wait: the deadline's work list.
CREATE INDEX "orders_placed_waiting" ON "orders" ("placed_at") WHERE "status" = 'PLACED';
-- Backfill and audit walk the log by type in the order of publication.
CREATE INDEX "event_log_type_published_at_idx" ON "event_log" ("type", "published_at");
CREATE INDEX "outbox_events_subject_idx" ON "outbox_events" ("subject");
