-- The partitions of the history are made and dropped by functions that run as the owner of its tables, so that the relay,
-- which calls them, need not own anything. They know two tables, and no partition but days.
-- (Semicolons are written as \x3b: a script is cut at each of them.)

CREATE FUNCTION "make_history_partition"(history text, day date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS E'
DECLARE
  ends text[] := ARRAY(
    SELECT overlay(lpad(to_hex((extract(epoch FROM (day + n)::timestamp) * 1000)::bigint), 12, \'0\') || \'-0000-0000-000000000000\'
                   PLACING \'-\' FROM 9 FOR 0)
    FROM generate_series(0, 1) AS n ORDER BY n)\x3b
BEGIN
  IF history NOT IN (\'event_log\', \'processed_events\') THEN
    RAISE EXCEPTION \'% has no partitions by day\', history USING ERRCODE = \'invalid_parameter_value\'\x3b
  END IF\x3b
  EXECUTE format(\'CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)\',
    history || to_char(day, \'_YYYYMMDD\'), history, ends[1], ends[2])\x3b
END';

CREATE FUNCTION "drop_history_partition"(history text, day date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS E'
BEGIN
  IF history NOT IN (\'event_log\', \'processed_events\') THEN
    RAISE EXCEPTION \'% has no partitions by day\', history USING ERRCODE = \'invalid_parameter_value\'\x3b
  END IF\x3b
  EXECUTE format(\'DROP TABLE IF EXISTS %I\', history || to_char(day, \'_YYYYMMDD\'))\x3b
END';

-- What they name is looked up in the schema of the mesh, and never in what a caller has made for himself.
DO E'
DECLARE one text\x3b
BEGIN
  FOREACH one IN ARRAY ARRAY[\'make_history_partition\', \'drop_history_partition\'] LOOP
    EXECUTE format(\'ALTER FUNCTION %I(text, date) SET search_path = %I, pg_temp\', one, current_schema())\x3b
    EXECUTE format(\'REVOKE ALL ON FUNCTION %I(text, date) FROM PUBLIC\', one)\x3b
  END LOOP\x3b
END';
