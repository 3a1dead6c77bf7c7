import { parseArgs } from 'node:util';
import { declareMesh } from '../shared/messaging/declare-mesh';
import { applyMigrations } from './apply-migrations';
import { runMain } from './run-main';
import { sayWhere } from './say-where';
import { serverUrls } from './server-urls';
import { UserError } from './servers/search';

const usage = `npm run migrate: applies the migrations, and declares the exchange, the queues and who subscribes to what.

It works on DATABASE_URL and RABBITMQ_URL or, where they are not set, on the mesh that runs from this checkout. It can
be repeated, and run several times at once.`;

// The set-up step: the schema first, then what every service subscribes to. Safe to
// repeat, and safe to run several times at once.
runMain(async () => {
  if (wantsHelp()) {
    console.log(usage);
    return 0;
  }
  const { databaseUrl, rabbitmqUrl } = sayWhere(serverUrls('npm run migrate'));
  const applied = await applyMigrations(databaseUrl);
  console.log(applied.length > 0 ? `Applied ${applied.join(', ')}` : 'The schema is up to date');
  await declareMesh({ databaseUrl, rabbitmqUrl, say: (line) => console.log(line) });
  console.log('Exchange, queues and subscriptions are declared');
  return 0;
});

function wantsHelp(): boolean {
  try {
    return parseArgs({ options: { help: { type: 'boolean', short: 'h' } } }).values.help ?? false;
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${usage}`);
  }
}
