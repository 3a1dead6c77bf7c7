-- Who may use the API: keys that are handed out by `npm run keys`. Of a key only its hash is kept.
CREATE TABLE "api_keys" (
    "id" UUID NOT NULL,
    "name" TEXT,
    "role" TEXT NOT NULL,
    "restaurant_ids" UUID[] NOT NULL DEFAULT '{}',
    "customer_id" TEXT,
    "read_only" BOOLEAN NOT NULL DEFAULT false,
    "secret_hash" BYTEA NOT NULL,
    "last_four" TEXT NOT NULL,
    "previous_hash" BYTEA,
    "previous_until" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_by" TEXT,
    "rotated_at" TIMESTAMPTZ(6),
    "expires_at" TIMESTAMPTZ(6),
    "revoked_at" TIMESTAMPTZ(6),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "api_keys_hashes" CHECK (octet_length("secret_hash") = 32 AND octet_length("previous_hash") = 32),
    -- A customer's key is for one customer, staff's for a restaurant at least, an admin's for all.
    CONSTRAINT "api_keys_whose" CHECK (
      ("role" = 'customer') = ("customer_id" IS NOT NULL) AND ("role" = 'staff') = (cardinality("restaurant_ids") > 0))
);

-- Who asked for it, as far as they said who they are: `key:<id>` or `jwt:<subject>`.
ALTER TABLE "order_status_history" ADD COLUMN "moved_by" TEXT;
ALTER TABLE "adjustment_requests" ADD COLUMN "requested_by" TEXT;
