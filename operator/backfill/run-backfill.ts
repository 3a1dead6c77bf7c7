import type { Client } from 'pg';
import { briefly, isPassing } from '../../shared/messaging/failure';
import { openPublisher } from '../../shared/messaging/publisher';
import { serviceNames } from '../../shared/messaging/topology';
import { permanentConnectionError } from '../../shared/service/permanent-connection-error';
import { PostgresClient } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';
import { withBroker } from '../command-line/broker';
import { showProgress } from '../command-line/progress';
import { table } from '../command-line/table';
import { addressOf } from '../../scripts/server-urls';
import { UserError } from '../../scripts/servers/search';
import { messageOf } from '../../scripts/servers/wait-until';
import { readBackfillArguments, type BackfillArguments } from './arguments';
import { chooseTypes } from './choose-types';
import { countAll, countByType, now, type Span } from './past-events';
import { nothingSent, sendEvents } from './send-events';
import { usage } from './usage';
import { openWaitingRoom } from './waiting-room';

/** What a run of the command works with. */
export interface BackfillRun {
  args: string[];
  urls: () => { databaseUrl: string; rabbitmqUrl: string };
  print: (text: string) => void;
  stopping: AbortSignal;
}

const PAGE_SIZE = 100;
const CONFIRM_TIMEOUT_MS = 30_000;

/** `npm run backfill`. @returns the exit code @throws {UsageError} @throws {UserError} */
export async function runBackfill(run: BackfillRun): Promise<number> {
  const given = readBackfillArguments(run.args);
  if (given.help) {
    run.print(usage);
    return 0;
  }
  const { databaseUrl, rabbitmqUrl } = run.urls();
  return withDatabase(databaseUrl, async (client) => {
    const span: Span = {
      service: given.service,
      types: await chooseTypes(client, given.service, given.types),
      from: given.from ?? '-infinity',
      to: given.to ?? (await now(client)),
      again: given.again,
    };
    if (given.dryRun) await printCounts(run, client, span);
    else await backfill(run, given, client, rabbitmqUrl, span);
    return 0;
  });
}

async function withDatabase<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new PostgresClient(
    sessionConfig(url, { kind: 'command', applicationName: 'ordermesh-backfill' }),
  );
  client.on('error', () => undefined); // the query in progress rejects with it
  try {
    await client.connect();
  } catch (error) {
    const refused = permanentConnectionError(error);
    const why = refused ? `does not let us in: ${refused}` : `cannot be reached: ${messageOf(error)}`;
    throw new UserError(`PostgreSQL at ${addressOf(url)} ${why}`);
  }
  try {
    return await work(client);
  } catch (error) {
    if (error instanceof UserError || !isPassing(error)) throw error;
    throw new UserError(`PostgreSQL was lost: ${briefly(error)}. Run the command again.`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function printCounts({ print }: BackfillRun, client: Client, span: Span): Promise<void> {
  const counts = await countByType(client, span);
  const rows = counts.map(({ type, count, handled }) => [
    type,
    count,
    handled,
    span.again ? count : count - handled,
  ]);
  print(table(['TYPE', 'PUBLISHED', 'HANDLED', 'WOULD BE SENT'], rows));
}

async function backfill(
  { print, stopping }: BackfillRun,
  { service, rate, waiting, again }: BackfillArguments,
  client: Client,
  rabbitmqUrl: string,
  span: Span,
): Promise<void> {
  const result = nothingSent(span);
  const total = await countAll(client, span);
  const progress = showProgress(`Backfilling ${service}`);
  const show = (note?: string) => progress.update(result.sent + result.skipped, total, note);
  let done = false;
  try {
    await withBroker(rabbitmqUrl, 'ordermesh-backfill', async (broker) => {
      const { queue } = serviceNames(service);
      const room = await openWaitingRoom({
        client,
        service,
        size: waiting,
        ready: async () => (await broker.inspect(queue))?.messages ?? 0,
        onFull: (sent, ready) =>
          show(`waiting for ${service}: ${sent} sent and not handled yet, ${ready} in its queue`),
        stopping,
      });
      const publisher = await openPublisher(broker.session, CONFIRM_TIMEOUT_MS);
      const pageSize = Math.min(PAGE_SIZE, waiting);
      const options = { client, publisher, room, span, rate, pageSize, stopping };
      await sendEvents(result, { ...options, progress: () => show() });
    });
    done = !stopping.aborted;
  } finally {
    progress.end();
    print(
      `${result.sent} sent to ${service}` +
        (result.skipped > 0 ? `, ${result.skipped} left out as it has handled them` : '') +
        (again ? '; it ignores those that it remembers' : ''),
    );
    if (!done) print(`Not finished. To go on from here: --from ${resumeFrom(result.position.at)}`);
  }
}

const resumeFrom = (at: string) => (at === '-infinity' ? '1970-01-01' : at);
