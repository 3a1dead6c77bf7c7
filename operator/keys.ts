import { databaseUrl } from '../scripts/server-urls';
import { currentUser } from './command-line/current-user';
import { runCommandLine } from './command-line/run-command-line';
import { sayWhere } from '../scripts/say-where';
import { runKeys } from './keys/run-keys';

runCommandLine('keys', () =>
  runKeys({
    args: process.argv.slice(2),
    databaseUrl: () => sayWhere({ databaseUrl: databaseUrl('npm run keys') }).databaseUrl,
    user: currentUser,
    print: (text) => console.log(text),
    say: (text) => console.error(text),
  }),
);
