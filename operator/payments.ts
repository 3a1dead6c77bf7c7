import { databaseUrl } from '../scripts/server-urls';
import { currentUser } from './command-line/current-user';
import { runCommandLine } from './command-line/run-command-line';
import { sayWhere } from '../scripts/say-where';
import { runPayments } from './payments/run-payments';

runCommandLine('payments', () =>
  runPayments({
    args: process.argv.slice(2),
    databaseUrl: () => sayWhere({ databaseUrl: databaseUrl('npm run payments') }).databaseUrl,
    user: currentUser,
    print: (text) => console.log(text),
    warn: (text) => console.error(text),
  }),
);
