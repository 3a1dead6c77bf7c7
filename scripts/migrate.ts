import path from 'node:path';
import { parseArgs } from 'node:util';
import { declareMesh } from '../shared/messaging/declare-mesh';
import { foldersWith } from '../shared/service/service-folders';
import { applyMigrations } from './apply-migrations';
import { checkMigrate } from './migration-check/check-migrate';
import { printCheck } from './migration-check/print-check';
import { printError, runMain } from './run-main';
import { sayWhere } from './say-where';
import { serverUrls } from './server-urls';
import { checkout } from './servers/checkout';
import { UserError } from './servers/search';

const usage = `npm run migrate: applies the migrations, and declares the exchange, the queues and who subscribes to what.

npm run migrate                               for every service at the root, and the examples that take part
npm run migrate -- loyalty-service            also for this one of examples/, which takes part from then on
npm run migrate -- --without loyalty-service  this one takes part no more; its tables and its queue stay
npm run migrate -- --check                    changes nothing: says what would be done, and whether the mesh can run
                                              meanwhile (exit code 0: it can, 1: it cannot, 2: that is not to be found
                                              out). --json for programs

It works on DATABASE_URL and RABBITMQ_URL or, where they are not set, on the mesh that runs from this checkout. It can
be repeated, and run several times at once.`;

const say = (line: string) => console.log(line);
const consumers = () => foldersWith('handlers.js', path.join(checkout, 'dist'));

// The set-up step: the schema first, then what every service subscribes to. Safe to
// repeat, and safe to run several times at once.
runMain(
  async () => {
    const { help, check, json, examples, without } = readMigrateArguments();
    if (help) {
      say(usage);
      return 0;
    }
    if (check) {
      const urls = sayWhere(serverUrls('npm run migrate'));
      const found = await checkMigrate({ ...urls, examples, without });
      say(json ? JSON.stringify(found, null, 2) : printCheck(found));
      return found.online ? 0 : 1;
    }
    const { databaseUrl, rabbitmqUrl } = sayWhere(serverUrls('npm run migrate'));
    const applied = await applyMigrations(databaseUrl, examples);
    say(applied.length > 0 ? `Applied ${applied.join(', ')}` : 'The schema is up to date');
    const declared = await declareMesh({ databaseUrl, rabbitmqUrl, examples, without, say });
    say('Exchange, queues and subscriptions are declared');
    for (const { name, isExample } of consumers())
      if (isExample && declared.includes(name))
        say(
          `${name} takes part: until it runs, its queue fills. npm run migrate -- --without ${name} ends that`,
        );
    return 0;
  },
  { onError },
);

/** A check that finds nothing out has not said no. */
function onError(error: unknown): number {
  printError(error);
  return process.argv.includes('--check') ? 2 : 1;
}

function readMigrateArguments() {
  const { values, positionals } = read();
  const names = (which: (isExample: boolean) => boolean) =>
    consumers().flatMap(({ name, isExample }) => (which(isExample) ? [name] : []));
  const { help = false, check = false, json = false, without = [] } = values;
  if (!help) {
    refuseUnknown(
      positionals,
      'service',
      names(() => true),
    );
    refuseUnknown(
      without,
      'example',
      names((isExample) => isExample),
    );
  }
  if (json && !check) throw new UserError('--json goes with --check.');
  return { help, check, json, examples: positionals, without };
}

function refuseUnknown(given: readonly string[], what: string, known: readonly string[]): void {
  const unknown = given.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new UserError(`No ${what} is called ${unknown.join(' or ')}. There are: ${known.join(', ')}.`);
}

function read() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        check: { type: 'boolean' },
        json: { type: 'boolean' },
        without: { type: 'string', multiple: true },
      },
    });
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${usage}`);
  }
}
