import { hostname } from 'node:os';
import { briefly } from '../messaging/failure';
import { bare, type Database } from './database';
import { readiness, type Health } from './health-server';
import { identity } from './identity';
import type { Logger } from './logger';
import { pause } from './pause';
import { RAMP_MS, shareAfter, type Pause, type Pauses } from './pauses';
import { within } from './within';

/** Runs a statement with its parameters, and answers its rows. */
export type Query = <T>(sql: string, ...parameters: unknown[]) => Promise<T[]>;

export const queryOf = (database: Database): Query => bare(database).query;

export interface PresenceOptions {
  query: Query;
  /** The parts that this process does something of: its service, a gateway, channels. */
  parts: readonly string[];
  log: Logger;
  /** How many events it has settled or published since it began. */
  done?: () => number;
  /** Another than {@link READ_EVERY_MS}. */
  everyMs?: number;
}

export interface Presence extends Pauses {
  /** From now on it is on record that it runs, and how it is. */
  begin(health: Pick<Health, 'checks'>): void;
  stop(): Promise<void>;
}

/** How often a process reads what is paused. */
export const READ_EVERY_MS = 2_000;
/** It says with each reading how it is; where it is well, and nothing happens, with every third. */
const QUIET_READINGS = 3;
/** One that has not said so for so long counts no more. */
export const PRESENT_SECONDS = 15;

const FORGET_AFTER = '1 hour';
const ANSWER_MS = 10_000;
const FIRST_ANSWER_MS = 8_000;
/** A rate is taken over so many readings. */
const SAMPLES = 6;

const SQL = {
  read: `
    SELECT part, paused_by AS by, why, paused_at AS since,
      (extract(epoch FROM now() - resumed_at) * 1000)::float8 AS "resumedMs"
    FROM pauses WHERE part = ANY($1::text[])
      AND (resumed_at IS NULL OR resumed_at > now() - interval '${RAMP_MS} milliseconds')
    ORDER BY id`,
  record: `
    WITH forgotten AS (
      DELETE FROM service_instances WHERE service = $1 AND seen_at < now() - interval '${FORGET_AFTER}')
    INSERT INTO service_instances AS i
      (service, instance, version, host, pid, ready, reasons, paused, per_second, started_at)
    VALUES ($1, $2, $3, $4, $5::int, $6::boolean, $7::jsonb, $8::text[], $9::float8,
      now() - $10::float8 * interval '1 second')
    ON CONFLICT (service, instance) DO UPDATE SET version = excluded.version, host = excluded.host, pid = excluded.pid,
      ready = excluded.ready, reasons = excluded.reasons, paused = excluded.paused, per_second = excluded.per_second,
      seen_at = now()`,
  leave: 'DELETE FROM service_instances WHERE service = $1 AND instance = $2',
};

type Row = Pause & { resumedMs: number | null };

/**
 * Reads every two seconds which parts of the process are paused, and keeps on record that it runs and how it is, for
 * `npm run mesh`: a process that is idle and well every six. What was read last holds while the database is away. The age of what has ended comes from the
 * database, so that a new process takes part in a ramp that has begun.
 */
export function keepPresence({
  query,
  parts,
  log,
  done,
  everyMs = READ_EVERY_MS,
}: PresenceOptions): Presence {
  const stopping = new AbortController();
  const listeners: (() => void)[] = [];
  const signals = new Map<string, AbortController>();
  let rows: Row[] | undefined;
  let readAt = 0;
  let health: Pick<Health, 'checks'> | undefined;
  let blind = false;
  let samples: { at: number; done: number }[] = [];
  /** For so many readings what is on record holds, if nothing happens. */
  let quietFor = 0;
  let recorded = '';

  async function read(): Promise<void> {
    const startedAt = performance.now();
    const found = await within(ANSWER_MS, query<Row>(SQL.read, parts));
    const before = new Set(all().map(({ part }) => part));
    [rows, readAt] = [found, startedAt];
    for (const { part, by, why } of all().filter((one) => !before.has(one.part))) {
      log.warn({ part, by, why }, 'paused');
      signals.get(part)?.abort();
      signals.delete(part);
    }
    for (const part of before) if (!of(part)) log.warn({ part }, 'resumed');
    for (const listener of listeners) listener();
  }

  async function record(): Promise<void> {
    if (!health) return;
    const paused = all().map(({ part }) => part);
    const perSecond = rate();
    const doing = JSON.stringify([paused, perSecond]);
    if (quietFor-- > 0 && doing === recorded) return;
    quietFor = 0;
    const { body } = await readiness(health);
    const failed = Object.entries(body.checks).filter(([, ok]) => !ok);
    const reasons = Object.fromEntries(
      failed.map(([name]) => [name, body.reasons?.[name] ?? 'no reason given']),
    );
    const { service, instance, version } = identity();
    const about = [service, instance, version, hostname(), process.pid, body.ready, JSON.stringify(reasons)];
    await within(ANSWER_MS, query(SQL.record, ...about, paused, perSecond, process.uptime()));
    recorded = doing;
    if (body.ready && !perSecond) quietFor = QUIET_READINGS - 1;
  }

  function rate(): number | null {
    if (!done) return null;
    samples = [...samples, { at: performance.now(), done: done() }].slice(-SAMPLES);
    const [first, last] = [samples[0]!, samples.at(-1)!];
    return last === first ? null : ((last.done - first.done) * 1_000) / (last.at - first.at);
  }

  const all = (): Pause[] =>
    (rows ?? []).flatMap(({ part, by, why, since, resumedMs }) =>
      resumedMs === null ? [{ part, by, why, since }] : [],
    );
  const of = (part: string) => all().find((one) => one.part === part);

  let heard = read();
  heard.catch(() => undefined); // whoever has to know asks for it
  const running = (async () => {
    await heard.catch(() => undefined);
    while (!stopping.signal.aborted) {
      await pause(everyMs, stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        if (rows) await read();
        else await (heard = read());
        await record();
        if (blind) log.info('is on record again, and knows what is paused');
        blind = false;
      } catch (error) {
        const about = { error: briefly(error) };
        if (!blind) log.warn(about, 'cannot be put on record, or does not know what is paused');
        blind = true;
      }
    }
  })();

  return {
    known: () => within(FIRST_ANSWER_MS, heard),
    of,
    all,
    share: (part) => {
      if (!rows || of(part)) return 0; // what is paused may go on over a restart: not for a moment
      const ended = (rows ?? []).findLast((one) => one.part === part)?.resumedMs;
      return typeof ended === 'number' ? shareAfter(ended + performance.now() - readAt) : 1;
    },
    whenPaused: (part) => {
      if (of(part)) return AbortSignal.abort();
      const controller = signals.get(part) ?? new AbortController();
      signals.set(part, controller);
      return controller.signal;
    },
    onRead: (listener) => void listeners.push(listener),
    begin: (given) => {
      health = given;
      void record().catch(() => undefined); // the next one says why
    },
    stop: async () => {
      stopping.abort();
      await within(1_000, running).catch(() => undefined);
      const { service, instance } = identity();
      await within(1_000, query(SQL.leave, service, instance)).catch(() => undefined); // forgotten by itself
    },
  };
}
