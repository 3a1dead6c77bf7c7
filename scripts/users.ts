import { runMain } from './run-main';
import { sayWhere } from './say-where';
import { databaseUrl, managementUrls, serverUrls } from './server-urls';
import { readUsersArguments, usage } from './users/arguments';
import { openManagement } from './users/management';
import { setUpLogins } from './users/set-up-logins';

const COMMAND = 'npm run users';
const say = (line: string) => console.log(line);

// The second half of the set-up, where services are to have logins of their own. Safe to repeat.
runMain(async () => {
  const args = readUsersArguments();
  if (args.help) {
    say(usage);
    return 0;
  }
  if (args.only === 'database') {
    const url = sayWhere({ databaseUrl: databaseUrl(COMMAND) }).databaseUrl;
    await setUpLogins({ databaseUrl: url, management: undefined, say }, args);
    return 0;
  }
  const urls = sayWhere(serverUrls(COMMAND));
  const management = openManagement(managementUrls(urls.rabbitmqUrl), urls.rabbitmqUrl);
  await setUpLogins({ databaseUrl: urls.databaseUrl, management, say }, args);
  return 0;
});
