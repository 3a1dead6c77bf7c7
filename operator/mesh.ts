import { databaseUrl } from '../scripts/server-urls';
import { sayWhere } from '../scripts/say-where';
import { draftDeadline } from '../shared/lifecycle/draft-deadline';
import { readConfig } from '../shared/service/config';
import { z } from 'zod';
import { runCommandLine } from './command-line/run-command-line';
import { runMesh } from './mesh/run-mesh';

runCommandLine('mesh', () =>
  runMesh({
    args: process.argv.slice(2),
    databaseUrl: () => sayWhere({ databaseUrl: databaseUrl('npm run mesh') }).databaseUrl,
    draftDeadlineMs: () => readConfig(z.object({ DRAFT_DEADLINE: draftDeadline })).DRAFT_DEADLINE,
    print: (text) => console.log(text),
    warn: (text) => console.error(text),
  }),
);
