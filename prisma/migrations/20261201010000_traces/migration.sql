-- What is done later belongs to the trace of the event that it was recorded for. Empty where nothing is traced.

ALTER TABLE "payments" ADD COLUMN "tracestate" TEXT;
ALTER TABLE "notifications" ADD COLUMN "traceparent" TEXT, ADD COLUMN "tracestate" TEXT;
