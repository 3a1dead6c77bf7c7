import { z } from 'zod';
import { audit, checkNames, type AuditOptions } from './audit/audit';
import { deadLetterQueuesAt } from './audit/dead-letter-queues';
import { formatReport } from './audit/format-report';
import { simulatorBooks } from './audit/simulator-books';
import { briefly } from '../shared/messaging/failure';
import { retryDelays } from '../shared/messaging/retry-config';
import { ConfigError, readConfig } from '../shared/service/config';
import { parseDuration } from '../shared/service/duration';
import { readArguments, readOption, wholeNumber } from './command-line/read-arguments';
import { runCommandLine } from './command-line/run-command-line';
import { sayWhere } from '../scripts/say-where';
import { UsageError } from './command-line/usage-error';
import { databaseAndBroker } from '../scripts/server-urls';
import { UserError } from '../scripts/servers/search';
import { readMeshFile, type MeshFile } from '../scripts/supervisor/mesh-file';

const USAGE = `npm run audit -- [options]: checks every promise against DATABASE_URL, or the mesh that runs from this checkout

  --grace 2m     what is under way for longer is stuck
  --dead-letter-grace 24h
                 a dead letter that nobody has replayed or discarded for longer is a broken promise
  --since TIME   only orders, events, notifications and adjustments made since: 1h (ago), or 2026-11-21T10:00:00Z
  --only NAMES   only these checks, with commas between: ${checkNames.join(', ')}
  --limit 20     rows named for each check; all are counted
  --simulator U  compares with the books of the payment simulator at this URL; by default PAYMENT_SIMULATOR_URL, or
                 that of the mesh that runs from this checkout
  --json         the report as JSON

Exits 0 when every promise is kept, 1 when one is broken, 2 when that could not be found out.`;

interface Arguments {
  options: AuditOptions;
  json: boolean;
}

/** @returns undefined where only help was asked for */
function readCommandLine(args: string[]): Arguments | undefined {
  const { values, positionals } = readArguments(args, {
    grace: { type: 'string' },
    'dead-letter-grace': { type: 'string' },
    since: { type: 'string' },
    only: { type: 'string' },
    limit: { type: 'string' },
    simulator: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  });
  if (values.help) return undefined;
  if (positionals.length > 0)
    throw new UsageError(
      `"${positionals.join(' ')}" is not understood. Options go after "--": npm run audit -- --grace 5m`,
    );
  const mesh = readMeshFile();
  const { databaseUrl, rabbitmqUrl } = sayWhere(databaseAndBroker('npm run audit'));
  const { RETRY_DELAYS } = readConfig(z.object({ RETRY_DELAYS: retryDelays }));
  const options: AuditOptions = {
    databaseUrl,
    graceMs: readOption('grace', values.grace, parseDuration),
    deadLetterGraceMs: readOption('dead-letter-grace', values['dead-letter-grace'], parseDuration),
    longestRetryMs: Math.max(0, ...RETRY_DELAYS.map(({ ms }) => ms)),
    since: readOption('since', values.since, parseMoment),
    only: readOption('only', values.only, parseNames),
    limit: readOption('limit', values.limit, wholeNumber),
    books: readOption('simulator', values.simulator || simulatorOf(mesh, databaseUrl), (url) =>
      simulatorBooks(parseUrl(url)),
    ),
    queues: rabbitmqUrl === undefined ? undefined : deadLetterQueuesAt(rabbitmqUrl),
  };
  return { options, json: values.json ?? false };
}

/** A mesh's own simulator says nothing of another database. */
function simulatorOf(mesh: MeshFile | undefined, databaseUrl: string): string | undefined {
  const own = mesh?.database_url === databaseUrl ? mesh.services['payment-simulator'] : undefined;
  return process.env.PAYMENT_SIMULATOR_URL || own?.health_url;
}

function parseUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new Error(`"${url}" is not an http URL`);
  return url;
}

function parseNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !checkNames.includes(name));
  if (unknown.length > 0) throw new Error(`there is no check ${unknown.join(', ')}`);
  return names;
}

function parseMoment(text: string): Date {
  const moment = /^\d+[a-z]+$/.test(text) ? new Date(Date.now() - parseDuration(text)) : new Date(text);
  if (Number.isNaN(moment.getTime())) throw new Error(`write 1h or 2026-11-21T10:00:00Z, not "${text}"`);
  return moment;
}

const CLEAR_LINE = '\r\u001b[K';

async function main(stopping: AbortSignal): Promise<number> {
  // It only reads: there is nothing to put back. The exit code is set where its output was lost.
  stopping.addEventListener('abort', () => process.exit(process.exitCode ?? 130));
  const command = readCommandLine(process.argv.slice(2));
  if (!command) {
    console.log(USAGE);
    return 0;
  }
  const onProgress = process.stderr.isTTY
    ? (unit: string, judged: number) =>
        process.stderr.write(`${CLEAR_LINE}${judged.toLocaleString('en-US')} ${unit} …`)
    : undefined;
  const report = await audit({ ...command.options, onProgress }).finally(() => {
    if (onProgress) process.stderr.write(CLEAR_LINE);
  });
  console.log(command.json ? JSON.stringify(report, null, 2) : formatReport(report));
  return report.ok ? 0 : report.checks.some(({ violations }) => violations > 0) ? 1 : 2;
}

runCommandLine('audit', main, {
  onError: (error) => {
    console.error(
      error instanceof ConfigError || error instanceof UserError
        ? error.message
        : `The audit could not be made: ${briefly(error)}`,
    );
    return 2;
  },
});
