import { sayWhere } from '../scripts/say-where';
import { databaseUrl } from '../scripts/server-urls';
import { runCommandLine } from './command-line/run-command-line';
import { runNotifications } from './notifications/run-notifications';

runCommandLine('notifications', () =>
  runNotifications({
    args: process.argv.slice(2),
    databaseUrl: () => sayWhere({ databaseUrl: databaseUrl('npm run notifications') }).databaseUrl,
    print: (text) => console.log(text),
    say: (text) => console.error(text),
  }),
);
