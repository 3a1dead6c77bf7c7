import type { Pool } from 'pg';
import { believableAttempts } from '../../shared/messaging/dead-letter';
import { briefly, isPassing } from '../../shared/messaging/failure';
import { PostgresPool } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';
import { storableText } from '../../shared/storable-text';
import { oneLine } from '../command-line/table';
import type { DeadLetter } from './dead-letter';

export type Decision = 'REPLAYED' | 'DISCARDED';

/**
 * Keeps on record what was decided about dead letters, for whoever looks for them later. What is replayed has a
 * `retry_at`: it is on its way back, and its consumer fetches it should it not arrive.
 */
export interface Decisions {
  /** Resolves when it is on record, or it was said that it cannot be. Never throws: the decision stands. */
  keep(decision: Decision, letter: DeadLetter): Promise<void>;
  end(): Promise<void>;
}

export interface DecisionsOptions {
  /** Undefined where it was not said. */
  databaseUrl: string | undefined;
  /** Who decides. */
  user: string;
  warn: (text: string) => void;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** Opens the record. A database that is away keeps nobody from emptying a queue; the audit will name what is missing. */
export async function openDecisions({ databaseUrl, user, warn }: DecisionsOptions): Promise<Decisions> {
  let pool: Pool | undefined;
  const giveUp = (why: string) => {
    pool = undefined;
    warn(`This is not put on record, so npm run audit will take these dead letters for lost: ${why}.`);
  };
  const opened = databaseUrl
    ? new PostgresPool({
        ...sessionConfig(databaseUrl, {
          kind: 'service',
          applicationName: 'ordermesh-dlq',
          connectTimeoutMs: CONNECT_TIMEOUT_MS,
        }),
        max: 2,
      })
    : undefined;
  opened?.on('error', () => undefined); // the next query says so
  pool = opened;
  if (!pool) giveUp('DATABASE_URL is not set');
  else await pool.query('SELECT').catch((error: unknown) => giveUp(`PostgreSQL is away (${briefly(error)})`));
  return {
    keep: async (decision, letter) => {
      try {
        await pool?.query(
          `INSERT INTO delivery_failures (consumer, event_id, type, attempt, reason, error, outcome, retry_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, CASE $7 WHEN 'REPLAYED' THEN now() END)`,
          [
            letter.service,
            uuidOf(letter.eventId),
            letter.type === undefined ? null : storableText(letter.type),
            believableAttempts(letter.attempts),
            storableText(letter.reason),
            `${decision.toLowerCase()} by ${user}`,
            decision,
          ],
        );
      } catch (error) {
        if (!pool) return;
        if (isPassing(error)) giveUp(briefly(error));
        else
          warn(
            `Dead letter ${oneLine(letter.eventId ?? 'without an id')}: this is not put on record: ${briefly(error)}`,
          );
      }
    },
    end: async () => opened?.end().catch(() => undefined),
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const uuidOf = (id: string | undefined) => (id !== undefined && UUID.test(id) ? id : null);
