import { discoverSubscriptions } from '../shared/messaging/discover-subscriptions';
import { givenDatabase } from '../scripts/given-url';
import { databaseAndBroker, databaseUrl } from '../scripts/server-urls';
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
      const { databaseUrl: url, rabbitmqUrl } = sayWhere(databaseAndBroker('npm run mesh'));
      const isHere = !givenDatabase();
      const countOrders = createOrderCount();
      return () =>
        readMesh({
          databaseUrl: url,
          rabbitmqUrl,
          knownServices: () => discoverSubscriptions().map(({ service }) => service),
          healthUrls: () =>
            Object.fromEntries(
              Object.entries(isHere ? (readMeshFile()?.services ?? {}) : {}).map(([name, one]) => [
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
