-- Where events are sent over HTTP, to whoever asked for them.
CREATE TABLE "webhook_endpoints" (
  "id" UUID NOT NULL,
  "restaurant_id" UUID,
  "url" TEXT NOT NULL,
  "event_types" TEXT[] NOT NULL DEFAULT '{}',
  "paused" BOOLEAN NOT NULL DEFAULT false,
  "enabled_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "created_by" TEXT,
  CONSTRAINT "webhook_endpoints_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "webhook_endpoints_restaurant_id_idx" ON "webhook_endpoints" ("restaurant_id", "id");

-- What is signed with. Apart, so that who lists endpoints need not be able to read it.
CREATE TABLE "webhook_secrets" (
  "id" UUID NOT NULL,
  "endpoint_id" UUID NOT NULL REFERENCES "webhook_endpoints" ("id") ON DELETE CASCADE,
  "secret" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "expires_at" TIMESTAMPTZ(6),
  CONSTRAINT "webhook_secrets_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "webhook_secrets_endpoint_id_idx" ON "webhook_secrets" ("endpoint_id");

-- What is to be sent once more, or as a test: written by order-api, deleted by notification-service once it is done.
CREATE TABLE "webhook_requests" (
  "id" UUID NOT NULL,
  "endpoint_id" UUID NOT NULL REFERENCES "webhook_endpoints" ("id") ON DELETE CASCADE,
  "kind" TEXT NOT NULL CHECK ("kind" IN ('TEST', 'RESEND', 'RECOVER')),
  "event_type" TEXT,
  "delivery_id" UUID,
  "since" TIMESTAMPTZ(6),
  "after_delivery" UUID,
  "after_event" UUID,
  "requested_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "webhook_requests_pkey" PRIMARY KEY ("id")
);

-- How an endpoint fares, as notification-service sees it. A row for those only that have failed.
CREATE TABLE "webhook_health" (
  "endpoint_id" UUID NOT NULL REFERENCES "webhook_endpoints" ("id") ON DELETE CASCADE,
  "failing_since" TIMESTAMPTZ(6),
  "disabled_at" TIMESTAMPTZ(6),
  "disabled_reason" TEXT,
  CONSTRAINT "webhook_health_pkey" PRIMARY KEY ("endpoint_id")
);

-- An endpoint's deliveries, and those of them that may have to be sent again.
CREATE INDEX "notifications_webhooks" ON "notifications" ("recipient", "id") WHERE "channel" = 'WEBHOOK';
CREATE INDEX "notifications_webhooks_unsent" ON "notifications" ("recipient", "id")
    WHERE "channel" = 'WEBHOOK' AND "status" IN ('FAILED', 'DROPPED');
