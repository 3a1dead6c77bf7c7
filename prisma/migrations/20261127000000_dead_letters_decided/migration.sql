-- What a person decided about a dead letter is kept beside what became of it, so that the audit knows one that vanished.
ALTER TABLE "delivery_failures" DROP CONSTRAINT "delivery_failures_outcome_check";
ALTER TABLE "delivery_failures" ADD CONSTRAINT "delivery_failures_outcome_check"
  CHECK ("outcome" IN ('RETRIED', 'DEAD_LETTERED', 'REPLAYED', 'DISCARDED')) NOT VALID;
ALTER TABLE "delivery_failures" VALIDATE CONSTRAINT "delivery_failures_outcome_check";
-- The audit looks for them in a table that is mostly retries.
CREATE INDEX "delivery_failures_dead" ON "delivery_failures" ("failed_at") WHERE "outcome" = 'DEAD_LETTERED';
