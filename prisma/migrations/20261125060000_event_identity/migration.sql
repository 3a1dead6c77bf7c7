-- An event is identified by its source and its id: two sources may choose the same id. Rows of before have no
-- source and stand for every source.
ALTER TABLE "processed_events" ADD COLUMN "source" TEXT NOT NULL DEFAULT '';
ALTER TABLE "processed_events" DROP CONSTRAINT "processed_events_pkey";
ALTER TABLE "processed_events"
    ADD CONSTRAINT "processed_events_pkey" PRIMARY KEY ("consumer", "event_id", "source");

ALTER TABLE "notifications" ADD COLUMN "event_source" TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX "notifications_event_id_event_source_audience_key"
    ON "notifications" ("event_id", "event_source", "audience");
DROP INDEX "notifications_event_id_audience_key";
