-- A request that failed waits a while, so that it is neither tried all the time nor in the way of others.
ALTER TABLE "webhook_requests" ADD COLUMN "not_before" TIMESTAMPTZ(6) NOT NULL DEFAULT now();
