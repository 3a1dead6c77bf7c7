import { serverUrls } from '../scripts/server-urls';
import { runBackfill } from './backfill/run-backfill';
import { runCommandLine } from './command-line/run-command-line';
import { sayWhere } from '../scripts/say-where';

runCommandLine('backfill', (stopping) =>
  runBackfill({
    args: process.argv.slice(2),
    urls: () => sayWhere(serverUrls('npm run backfill')),
    print: (text) => console.log(text),
    stopping,
  }),
);
