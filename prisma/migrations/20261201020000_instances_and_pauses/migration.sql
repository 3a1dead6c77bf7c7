-- Which processes run and how each says it is. A row is renewed every two seconds by its own process.
CREATE TABLE "service_instances" (
    "service" TEXT NOT NULL,
    "instance" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "ready" BOOLEAN NOT NULL,
    "reasons" JSONB NOT NULL,
    "paused" TEXT[] NOT NULL,
    "per_second" DOUBLE PRECISION,
    "started_at" TIMESTAMPTZ(6) NOT NULL,
    "seen_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "service_instances_pkey" PRIMARY KEY ("service", "instance")
) WITH (fillfactor = 50);

-- What people have paused, and what they had paused: who, why, from when to when.
CREATE TABLE "pauses" (
    "id" BIGSERIAL NOT NULL,
    "part" TEXT NOT NULL,
    "why" TEXT NOT NULL,
    "paused_by" TEXT NOT NULL,
    "paused_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "resumed_by" TEXT,
    "resumed_at" TIMESTAMPTZ(6),

    CONSTRAINT "pauses_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "pauses_end_after_they_begin" CHECK ("resumed_at" >= "paused_at")
);
-- A part is paused once at a time, however many people say so.
CREATE UNIQUE INDEX "pauses_open" ON "pauses" ("part") WHERE "resumed_at" IS NULL;
