-- A restaurant's moves in the order of their ids, for those who follow them. Null in rows from before: nobody could
-- follow them then, and so nobody goes on from there.
ALTER TABLE "order_status_history" ADD COLUMN "restaurant_id" UUID;
CREATE INDEX "order_status_history_restaurant_id_id_idx" ON "order_status_history" ("restaurant_id", "id")
  WHERE "restaurant_id" IS NOT NULL;

-- Services of the version before do not name the restaurant while this one is rolled out: it is looked up for them.
-- (Semicolons are written as \x3b: a script is cut at each of them.)
CREATE FUNCTION "find_restaurant_of_change"() RETURNS trigger LANGUAGE plpgsql AS E'
BEGIN
  NEW.restaurant_id := (SELECT restaurant_id FROM orders WHERE id = NEW.order_id)\x3b
  RETURN NEW\x3b
END';
CREATE TRIGGER "order_status_history_restaurant" BEFORE INSERT ON "order_status_history"
  FOR EACH ROW WHEN (NEW.restaurant_id IS NULL) EXECUTE FUNCTION "find_restaurant_of_change"();
