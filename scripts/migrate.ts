import { declareMesh } from '../shared/messaging/declare-mesh';
import { applyMigrations } from './apply-migrations';
import { runMain } from './run-main';
import { serverUrls } from './server-urls';

// The set-up step: the schema first, then what every service subscribes to. Safe to
// repeat, and safe to run several times at once.
runMain(async () => {
  const { databaseUrl, rabbitmqUrl } = serverUrls('npm run migrate');
  const applied = await applyMigrations(databaseUrl);
  console.log(applied.length > 0 ? `Applied ${applied.join(', ')}` : 'The schema is up to date');
  await declareMesh({ databaseUrl, rabbitmqUrl });
  console.log('Exchange, queues and subscriptions are declared');
  return 0;
});
