import type { Database, Tx } from '../../shared/service/database';
import type { Claimed } from './claim';
import type { Channel, Settlement } from './channel';

/** An attempt that is over, and not recorded yet. */
export interface Outcome extends Settlement {
  notification: Claimed;
  /** Of one that is tried again. */
  retryMs?: number;
  startedAt: Date;
  latencyMs: number;
}

/** Records outcomes, where the claim is still ours; channels that want to know are told in the same transaction. */
export async function settle(
  database: Database,
  channels: Readonly<Record<string, Channel>>,
  outcomes: readonly Outcome[],
): Promise<void> {
  const listening = Object.entries(channels).filter(
    ([name, channel]) =>
      'onSettled' in channel && outcomes.some(({ notification }) => notification.channel === name),
  );
  if (listening.length === 0) return void (await record(database, outcomes));
  await database.$transaction(async (tx) => {
    const recorded = await record(tx, outcomes);
    for (const [name, channel] of listening) {
      const own = outcomes.filter(
        ({ notification }) => notification.channel === name && recorded.has(notification.id),
      );
      if (own.length > 0) await channel.onSettled?.(tx, own);
    }
  });
}

/**
 * One statement. Those that go out with one share its fate; those that follow a retried one of its order wait for as
 * long, so that nobody looks at them in vain.
 * @returns the ids of those that were still ours
 */
async function record(tx: Tx | Database, outcomes: readonly Outcome[]): Promise<Set<string>> {
  const rows = outcomes.map(({ notification: { id, claim, attempt }, startedAt, ...outcome }) => ({
    ...outcome,
    id,
    claim,
    attempt,
    startedAt: startedAt.toISOString(),
  }));
  const recorded = await tx.$queryRaw<{ id: string }[]>`
    WITH over AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS o (id uuid, claim uuid, status text, error text,
        "retryMs" float8, detail json, attempt int, "startedAt" timestamptz, "latencyMs" int, unspent boolean)),
    settled AS (
      UPDATE notifications AS n SET status = over.status, claim = NULL,
        last_error = CASE WHEN over.status = 'SENT' THEN n.last_error ELSE over.error END,
        attempts = n.attempts - CASE WHEN over.unspent THEN 1 ELSE 0 END,
        sent_at = CASE WHEN over.status = 'SENT' THEN now() END,
        next_attempt_at = CASE WHEN over.status = 'PENDING' THEN now() + make_interval(secs => over."retryMs" / 1000) END
      FROM over WHERE n.id = over.id AND n.claim = over.claim
      RETURNING n.id, n.status, n.lane, n.recipient, n.order_id, n.sequence, n.next_attempt_at, n.last_error, n.gather_key),
    gathered AS (
      UPDATE notifications AS n SET status = settled.status, last_error = settled.last_error,
        sent_at = CASE WHEN settled.status = 'SENT' THEN now() END
      FROM settled WHERE n.gathered_into = settled.id AND settled.gather_key IS NOT NULL AND settled.status <> 'PENDING'),
    following AS (
      UPDATE notifications AS n SET next_attempt_at = settled.next_attempt_at
      FROM settled WHERE settled.status = 'PENDING' AND n.status = 'PENDING' AND n.claim IS NULL AND n.lane = settled.lane
        AND n.recipient = settled.recipient AND n.order_id = settled.order_id AND n.sequence > settled.sequence
        AND n.next_attempt_at < settled.next_attempt_at),
    attempts AS (
      INSERT INTO notification_attempts (notification_id, attempt, attempted_at, latency_ms, outcome, detail)
      SELECT over.id, over.attempt, over."startedAt", over."latencyMs", over.status, over.detail
      FROM over JOIN settled ON settled.id = over.id WHERE over.detail IS NOT NULL)
    SELECT id FROM settled`;
  return new Set(recorded.map(({ id }) => id));
}
