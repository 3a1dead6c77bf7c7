-- The outbox's number of an event: the order in which it was written, and so first published. It decides between
-- events that were marked in one statement, at one time. Null for those that were marked before there was one.
ALTER TABLE "event_log" ADD COLUMN "seq" BIGINT;
