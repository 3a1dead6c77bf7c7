import { databaseUrl } from '../scripts/server-urls';
import { sayWhere } from '../scripts/say-where';
import { runAnalytics } from './analytics/run-analytics';
import { runCommandLine } from './command-line/run-command-line';

runCommandLine('analytics', (stopping) =>
  runAnalytics({
    args: process.argv.slice(2),
    databaseUrl: () => sayWhere({ databaseUrl: databaseUrl('npm run analytics') }).databaseUrl,
    print: (text) => console.log(text),
    stopping,
  }),
);
