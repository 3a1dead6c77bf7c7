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
  /**
   * Takes a place in the record, before anything is done: what the consumer says of a replayed event comes after that, however
   * soon. Never throws.
   */
  begin(): Promise<Keep>;
  end(): Promise<void>;
}

/** Resolves when it is on record, or it was said that it cannot be. Never throws: the decision stands. */
export type Keep = (decision: Decision, letter: DeadLetter) => Promise<void>;

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
  const insert = async (place: Promise<Place | undefined>, decision: Decision, letter: DeadLetter) => {
    try {
      const taken = await place;
      if (pool && taken) await record(pool, taken, decision, letter, user);
    } catch (error) {
      if (!pool) return;
      if (isPassing(error)) giveUp(briefly(error));
      else
        warn(
          `Dead letter ${oneLine(letter.eventId ?? 'without an id')}: this is not put on record: ${briefly(error)}`,
        );
    }
  };
  return {
    begin: async () => {
      const place = pool ? takePlace(pool) : Promise.resolve(undefined);
      await place.catch(() => undefined); // said when it is to be kept
      return (decision, letter) => insert(place, decision, letter);
    },
    end: async () => opened?.end().catch(() => undefined),
  };
}

interface Place {
  id: string;
  at: string;
}

async function takePlace(pool: Pool): Promise<Place | undefined> {
  const { rows } = await pool.query<Place>(
    "SELECT nextval('delivery_failures_id_seq')::text AS id, now()::text AS at",
  );
  return rows[0];
}

const record = (pool: Pool, { id, at }: Place, decision: Decision, letter: DeadLetter, user: string) =>
  pool.query(
    `INSERT INTO delivery_failures (id, failed_at, consumer, event_id, type, attempt, reason, error, outcome, retry_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE $9 WHEN 'REPLAYED' THEN now() END)`,
    [
      id,
      at,
      letter.service,
      uuidOf(letter.eventId),
      letter.type === undefined ? null : storableText(letter.type),
      believableAttempts(letter.attempts),
      storableText(letter.reason),
      `${decision.toLowerCase()} by ${user}`,
      decision,
    ],
  );

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const uuidOf = (id: string | undefined) => (id !== undefined && UUID.test(id) ? id : null);
