import { discoverSubscriptions } from '../shared/messaging/discover-subscriptions';
import { givenUrl } from '../scripts/given-url';
import { databaseUrl } from '../scripts/server-urls';
import { sayWhere } from '../scripts/say-where';
import { readMeshFile } from '../scripts/supervisor/mesh-file';
import { draftDeadline } from '../shared/lifecycle/draft-deadline';
import { readConfig } from '../shared/service/config';
import { z } from 'zod';
import { currentUser } from './command-line/current-user';
import { runCommandLine } from './command-line/run-command-line';
import { createOrderCount } from './mesh/read-database';
import { readMesh } from './mesh/read-mesh';
import { runMesh } from './mesh/run-mesh';

runCommandLine('mesh', (stopping) =>
  runMesh({
    args: process.argv.slice(2),
    databaseUrl: () => sayWhere({ databaseUrl: databaseUrl('npm run mesh') }).databaseUrl,
    draftDeadlineMs: () => readConfig(z.object({ DRAFT_DEADLINE: draftDeadline })).DRAFT_DEADLINE,
    readState: () => {
      const url = databaseUrl('npm run mesh');
      // The broker of the same mesh: both are given, or both are those of the mesh that runs here.
      const here = givenUrl('DATABASE_URL') ? undefined : readMeshFile();
      const rabbitmqUrl = here ? here.rabbitmq_url : givenUrl('RABBITMQ_URL');
      sayWhere({ databaseUrl: url, rabbitmqUrl });
      const countOrders = createOrderCount();
      return () =>
        readMesh({
          databaseUrl: url,
          rabbitmqUrl,
          knownServices: () => discoverSubscriptions().map(({ service }) => service),
          healthUrls: () =>
            Object.fromEntries(
              Object.entries(here ? (readMeshFile()?.services ?? {}) : {}).map(([name, one]) => [
                name,
                one.health_url,
              ]),
            ),
          countOrders,
        });
    },
    user: currentUser,
    print: (text) => console.log(text),
    warn: (text) => console.error(text),
    isTerminal: process.stdout.isTTY,
    stopping,
  }),
);
