-- Which retry queues there are, so that those of a ladder that nobody climbs any more can be found and removed: the
-- broker tells a service of none that it does not name.
CREATE TABLE "retry_queues" (
    "consumer" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "current" BOOLEAN NOT NULL DEFAULT true,
    CONSTRAINT "retry_queues_pkey" PRIMARY KEY ("consumer", "label")
);

-- The ladder of an instance. Null: it is of a version that does not say.
ALTER TABLE "consumer_progress" ADD COLUMN "retry_delays" TEXT[];

-- Those of before: the usual ladder, and what failed events have lately waited for.
INSERT INTO "retry_queues" ("consumer", "label")
SELECT DISTINCT "consumer", unnest(ARRAY['1s', '5s', '30s', '2m', '10m']) FROM "subscriptions" WHERE "until" IS NULL
UNION
SELECT "consumer", "label" FROM (
  SELECT DISTINCT "consumer", (extract(epoch FROM "retry_at" - "failed_at") * 1000)::bigint AS ms
  FROM "delivery_failures" WHERE "retry_at" IS NOT NULL
) waits CROSS JOIN LATERAL (VALUES
  (ms || 'ms', true), (ms / 1000 || 's', ms % 1000 = 0), (ms / 60000 || 'm', ms % 60000 = 0), (ms / 3600000 || 'h', ms % 3600000 = 0)
) labels("label", fits) WHERE fits AND ms > 0;
