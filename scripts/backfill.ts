import { runBackfill } from './backfill/run-backfill';
import { runCommandLine } from './command-line/run-command-line';
import { serverUrls } from './server-urls';

runCommandLine('backfill', (stopping) =>
  runBackfill({
    args: process.argv.slice(2),
    urls: () => serverUrls('npm run backfill'),
    print: (text) => console.log(text),
    stopping,
  }),
);
