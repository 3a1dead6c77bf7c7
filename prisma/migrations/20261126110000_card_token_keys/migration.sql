-- Which key a card token was encrypted with, so that keys can be replaced. Null in older rows.
ALTER TABLE "card_tokens" ADD COLUMN "key_id" TEXT;
