import { userInfo } from 'node:os';
import { runCommandLine, UsageError } from './command-line/run-command-line';
import { runPayments } from './payments/run-payments';
import { readMeshFile } from './supervisor/mesh-file';

runCommandLine('payments', () =>
  runPayments({
    args: process.argv.slice(2),
    databaseUrl,
    user: () => userInfo().username,
    print: (text) => console.log(text),
    warn: (text) => console.error(text),
  }),
);

function databaseUrl(): string {
  const url = process.env.DATABASE_URL || readMeshFile()?.database_url;
  if (!url) throw new UsageError('Set DATABASE_URL, or run this while "npm start" runs in this checkout.');
  return url;
}
