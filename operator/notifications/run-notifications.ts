import { optIn, optOut, optOutsOf } from '../../order-api/mail/opt-outs';
import { retryFailed } from '../../notification-service/delivery/retry-notifications';
import { EVERY_OPTIONAL_MAIL } from '../../shared/mail/optional-mails';
import type { Database } from '../../shared/service/database';
import { withDatabase } from '../command-line/with-database';
import { readNotificationsArguments, type NotificationsArguments } from './arguments';
import { findNotification, listNotifications } from './find-notifications';
import { preview } from './preview';
import { listAsText, oneAsText } from './show-notifications';
import { usage } from './usage';

/** What a run of the command works with. */
export interface NotificationsRun {
  args: string[];
  databaseUrl: () => string;
  /** Results. */
  print: (text: string) => void;
  /** What people are told beside it. */
  say: (text: string) => void;
}

type OnDatabase = Exclude<NotificationsArguments, { action: 'help' | 'preview' }>;

/** `npm run notifications`. @returns the exit code @throws {UsageError} @throws {UserError} */
export async function runNotifications(run: NotificationsRun): Promise<number> {
  const given = readNotificationsArguments(run.args);
  if (given.action === 'help') {
    run.print(usage);
    return 0;
  }
  if (given.action === 'preview') return preview(given, run);
  return withDatabase('notifications', run.databaseUrl(), (database) => act(run, given, database));
}

async function act({ print, say }: NotificationsRun, given: OnDatabase, database: Database): Promise<number> {
  switch (given.action) {
    case 'list': {
      const found = await listNotifications(database, given.filter, given.limit);
      const lines = found.map((one) => JSON.stringify(one));
      if (!given.json) print(listAsText(found));
      else if (lines.length > 0) print(lines.join('\n'));
      return 0;
    }
    case 'show':
      return show(database, given, { print, say });
    case 'retry':
      return retry(database, given, say);
    case 'opt-outs': {
      const found = await optOutsOf(database, given.address);
      if (given.json) print(JSON.stringify(found));
      else if (found.length === 0) print(`${given.address} has opted out of nothing.`);
      else print(found.map(({ kind, since }) => `${nameOf(kind)}  since ${since.toISOString()}`).join('\n'));
      return 0;
    }
    case 'opt-out': {
      const { address, kind = EVERY_OPTIONAL_MAIL } = given;
      await optOut(database, address, kind);
      say(`${address} is sent no more mails: ${nameOf(kind)}.`);
      return 0;
    }
    case 'opt-in': {
      const taken = await optIn(database, given.address, given.kind);
      say(taken > 0 ? `${given.address} is sent them again.` : `${given.address} had not opted out of that.`);
      return 0;
    }
  }
}

const nameOf = (kind: string) =>
  kind === EVERY_OPTIONAL_MAIL ? 'every kind that can be opted out of' : kind;

type Tell = Pick<NotificationsRun, 'print' | 'say'>;

async function show(
  database: Database,
  { id, json }: Extract<OnDatabase, { action: 'show' }>,
  { print, say }: Tell,
): Promise<number> {
  const one = await findNotification(database, id);
  if (!one) {
    say(`There is no notification ${id}.`);
    return 1;
  }
  const kept = await database.notificationAttempt.findMany({
    where: { notificationId: id },
    orderBy: { id: 'asc' },
  });
  const attempts = kept.map(({ attempt, attemptedAt, latencyMs, outcome, detail }) => ({
    attempt,
    attempted_at: attemptedAt,
    latency_ms: latencyMs,
    outcome,
    detail,
  }));
  print(json ? JSON.stringify({ ...one, attempts_kept: attempts }) : oneAsText(one, attempts));
  return 0;
}

async function retry(
  database: Database,
  { ids, filter }: Extract<OnDatabase, { action: 'retry' }>,
  say: NotificationsRun['say'],
): Promise<number> {
  const retried = await retryFailed(database, {
    ids: ids.length > 0 ? ids : undefined,
    channel: filter.channel?.toUpperCase(),
    since: filter.sinceMs ? new Date(Date.now() - filter.sinceMs) : undefined,
  });
  const missing = ids.filter((id) => !retried.includes(id));
  say(`${retried.length} will be sent again.`);
  if (missing.length > 0) say(`These had not failed, or are not there: ${missing.join(', ')}`);
  return missing.length > 0 ? 1 : 0;
}
