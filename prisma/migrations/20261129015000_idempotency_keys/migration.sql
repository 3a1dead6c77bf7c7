-- What was answered to a request with an Idempotency-Key: committed with what the request did, kept for a day.
-- Hashes are 128 bits of a SHA-256, in the type that takes the least room.
CREATE TABLE "idempotency_keys" (
  "key_hash" UUID NOT NULL,
  "request_hash" UUID NOT NULL,
  "answer" JSON NOT NULL,
  "expires_at" TIMESTAMPTZ(6) NOT NULL,
  CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("key_hash")
);
-- Rows come in the order in which they end: a summary of blocks finds them, at next to no cost to who writes.
CREATE INDEX "idempotency_keys_expires_at_idx" ON "idempotency_keys" USING brin ("expires_at") WITH (autosummarize = on);
