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
    // A key is kept only when it was written: `console.log` would not say.
    print: (text) =>
      new Promise((resolve, reject) => {
        process.stdout.write(`${text}\n`, (error) => (error ? reject(error) : resolve()));
      }),
    say: (text) => console.error(text),
  }),
);
