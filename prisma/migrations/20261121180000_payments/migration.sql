-- order-api writes a row here in the transaction that places the order, and payment-service
-- reads it to ask the gateway, and deletes it.
CREATE TABLE "card_tokens" (
    "order_id" UUID NOT NULL,
    -- AES-256-GCM: 12 bytes of nonce, 16 of tag, the rest, with the order id authenticated.
    "ciphertext" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "card_tokens_pkey" PRIMARY KEY ("order_id")
);

-- status-service ------------------------------------------------------------------

CREATE TABLE "order_state_tracking" (
    "order_id" UUID NOT NULL,
    "stock_deducted_at" TIMESTAMPTZ(6),
    "stock_deducted_by" UUID,
    "payment_authorized_at" TIMESTAMPTZ(6),
    "payment_authorized_by" UUID,
    CONSTRAINT "order_state_tracking_pkey" PRIMARY KEY ("order_id")
);
-- Orders that were under way when this was installed wait for their stock alone, and have no row here.

-- payment-service -----------------------------------------------------------------

CREATE TABLE "payments" (
    "id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "restaurant_id" UUID NOT NULL,
    "customer_id" TEXT,
    "amount" DECIMAL(16,2) NOT NULL CHECK ("amount" >= 0),
    "currency" TEXT NOT NULL,
    "state" TEXT NOT NULL CHECK ("state" IN ('AUTHORIZING', 'AUTHORIZED', 'FAILED', 'CAPTURING', 'CAPTURED',
        'RESOLVING', 'VOIDING', 'VOIDED', 'REFUNDING', 'REFUNDED', 'CANCELLED', 'REVIEW')),
    "order_cancelled" BOOLEAN NOT NULL DEFAULT false,
    "gateway" TEXT,
    "gateway_reference" TEXT,
    "decline_code" TEXT,
    "review_operation" TEXT CHECK ("review_operation" IN ('AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND')),
    "review_reason" TEXT,
    "round" INTEGER NOT NULL DEFAULT 0,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(6),
    "last_error" TEXT,
    "correlation_id" TEXT NOT NULL,
    "caused_by" UUID,
    "traceparent" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "payments_pkey" PRIMARY KEY ("id"),
    -- A state in which the gateway is to be asked has a time for it, and no other has.
    CONSTRAINT "payments_due_check" CHECK (("next_attempt_at" IS NOT NULL)
        = ("state" IN ('AUTHORIZING', 'CAPTURING', 'RESOLVING', 'VOIDING', 'REFUNDING'))),
    CONSTRAINT "payments_gateway_check" CHECK (("gateway" IS NULL) = ("gateway_reference" IS NULL)),
    CONSTRAINT "payments_review_check" CHECK (("state" = 'REVIEW') = ("review_operation" IS NOT NULL))
) WITH (fillfactor = 70);
-- One payment an order, held by the database even if every dedupe row were gone.
CREATE UNIQUE INDEX "payments_order_id_key" ON "payments" ("order_id");
CREATE INDEX "payments_due" ON "payments" ("next_attempt_at") WHERE "next_attempt_at" IS NOT NULL;
CREATE INDEX "payments_in_review" ON "payments" ("updated_at") WHERE "state" = 'REVIEW';

CREATE TABLE "payment_ledger" (
    "id" BIGSERIAL NOT NULL,
    "payment_id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "kind" TEXT NOT NULL CHECK ("kind" IN ('AUTHORIZED', 'CAPTURED', 'VOIDED', 'REFUNDED')),
    "amount" DECIMAL(16,2) NOT NULL CHECK ("amount" >= 0),
    "currency" TEXT NOT NULL,
    "gateway_reference" TEXT,
    "recorded_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "payment_ledger_pkey" PRIMARY KEY ("id")
);
-- Each of them once a payment.
CREATE UNIQUE INDEX "payment_ledger_once" ON "payment_ledger" ("payment_id", "kind");
CREATE INDEX "payment_ledger_order_id_idx" ON "payment_ledger" ("order_id");

CREATE TABLE "payment_moves" (
    "id" BIGSERIAL NOT NULL,
    "payment_id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "from_state" TEXT,
    "to_state" TEXT NOT NULL,
    "cause" TEXT NOT NULL,
    "caused_by" UUID,
    "operator" TEXT,
    "note" TEXT,
    "moved_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "payment_moves_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "payment_moves_order_id_idx" ON "payment_moves" ("order_id", "id");
