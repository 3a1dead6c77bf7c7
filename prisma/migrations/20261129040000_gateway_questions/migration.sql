-- What the gateway was asked before it answered: kept with the move that the answer made.
ALTER TABLE "payments" ADD COLUMN "asked_at" TIMESTAMPTZ(6);
ALTER TABLE "payment_moves" ADD COLUMN "attempts" INTEGER;
ALTER TABLE "payment_moves" ADD COLUMN "asked_at" TIMESTAMPTZ(6);
ALTER TABLE "payment_moves" ADD COLUMN "last_error" TEXT;
