import { briefly, isPassing } from '../../shared/messaging/failure';
import { openDatabase } from '../../shared/service/database';
import type { Client } from 'pg';
import { PostgresClient } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';
import { UserError } from '../../scripts/servers/search';
import { showProgress } from '../command-line/progress';
import { readArguments } from '../command-line/read-arguments';
import { UsageError } from '../command-line/usage-error';
import { rebuild } from './rebuild';
import { showStatus } from './show-status';
import { usage } from './usage';

/** What a run of the command works with. */
export interface AnalyticsRun {
  args: string[];
  databaseUrl: () => string;
  print: (text: string) => void;
  stopping: AbortSignal;
}

const NAME = 'ordermesh-analytics';

/** `npm run analytics`. @returns the exit code @throws {UsageError} @throws {UserError} */
export async function runAnalytics(run: AnalyticsRun): Promise<number> {
  const { values, positionals } = readArguments(run.args, { help: { type: 'boolean', short: 'h' } });
  const [action = 'status', ...more] = positionals;
  if (values.help) return (run.print(usage), 0);
  if (more.length > 0 || !['status', 'rebuild'].includes(action))
    throw new UsageError(`"${positionals.join(' ')}" is not understood. Say status or rebuild.`);
  const url = run.databaseUrl();
  const client = new PostgresClient(sessionConfig(url, { kind: 'command', applicationName: NAME }));
  client.on('error', () => undefined); // the query in progress rejects with it
  try {
    await client.connect();
    if (action === 'rebuild') return await rebuildAndTell(run, client, url);
    run.print(await showStatus(client));
    return 0;
  } catch (error) {
    if (error instanceof UserError || !isPassing(error)) throw error;
    const again = action === 'rebuild' ? ' What is shown is as it was: run the command again.' : '';
    throw new UserError(`PostgreSQL cannot be used: ${briefly(error)}.${again}`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function rebuildAndTell(
  { print, stopping }: AnalyticsRun,
  client: Client,
  url: string,
): Promise<number> {
  const database = openDatabase({ url, poolSize: 1, applicationName: NAME, onIdleError: () => undefined });
  const progress = showProgress('Events counted');
  try {
    const result = await rebuild({
      client,
      database,
      stopping,
      progress: (counted) => progress.update(counted, undefined),
    });
    progress.end();
    if (!result.done) return (print('Not finished. What is shown is as it was: run the command again.'), 1);
    print(`Rebuilt from ${result.counted} events. History is there since ${result.since.toISOString()}.`);
    if (result.unreadable > 0)
      print(`${result.unreadable} events of the log could not be read, and are not counted.`);
    return 0;
  } finally {
    progress.end();
    await database.$disconnect();
  }
}
