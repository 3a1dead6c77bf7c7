import { aptInstall } from './apt-install';
import { dockerPostgres, dockerRabbitmq } from './docker-servers';
import { givenPostgres, givenRabbitmq } from './given-servers';
import { localPostgres } from './local-postgres';
import { localRabbitmq } from './local-rabbitmq';
import { NotAvailable, type Purpose, type Search, type Server, UserError } from './search';
import { claimTestRun, cleanUpDeadTestRuns, removeTestRun } from './test-runs';

export interface ProvideOptions {
  purpose: Purpose;
  log: (line: string) => void;
  /** Abort it to give up while servers are still being found: what was started is stopped. */
  signal?: AbortSignal;
  /** Begin with empty data. Servers that were given are never wiped. */
  fresh?: boolean;
}

export interface Servers {
  databaseUrl: string;
  rabbitmqUrl: string;
  /** With the credentials in it; undefined where a given broker has no management API. */
  managementUrl: string | undefined;
  /** Where the broker had to begin empty: what it held is to be sent again, and then this is called. */
  allSentAgain?: () => void;
  /** Where each comes from, for people. */
  how: { postgres: string; rabbitmq: string };
  /** Stops what was started here; bounded, and cut short when `hurry` is aborted. */
  stop(hurry?: AbortSignal): Promise<void>;
}

type Way = (search: Search) => Promise<Server>;

const waysToPostgres: Way[] = [
  givenPostgres,
  dockerPostgres,
  localPostgres,
  installed('postgresql', localPostgres),
];
const waysToRabbitmq: Way[] = [
  givenRabbitmq,
  dockerRabbitmq,
  localRabbitmq,
  installed('rabbitmq-server', localRabbitmq),
];

/**
 * Finds a PostgreSQL and a RabbitMQ, each on its own: the given one, one in Docker,
 * a private one from binaries on the machine, or the same after installing them.
 * Never a server that merely listens on a default port.
 * @throws UserError saying what to do, when there is no way to one of them.
 */
export async function provideServers(options: ProvideOptions): Promise<Servers> {
  const { purpose, log, fresh = false, signal = new AbortController().signal } = options;
  const search: Search = { purpose, log, signal, fresh };
  await cleanUpDeadTestRuns();
  if (purpose === 'test') claimTestRun();
  const [postgres, rabbitmq] = await Promise.allSettled([
    firstThatWorks('PostgreSQL', waysToPostgres, search),
    firstThatWorks('RabbitMQ', waysToRabbitmq, search),
  ]);
  const stop = async (hurry?: AbortSignal) => {
    const found = [postgres, rabbitmq].filter((result) => result.status === 'fulfilled');
    await Promise.allSettled(found.map((result) => result.value.stop(hurry)));
    if (purpose === 'test') removeTestRun();
  };
  if (postgres.status === 'fulfilled' && rabbitmq.status === 'fulfilled' && !signal.aborted) {
    return {
      databaseUrl: postgres.value.url,
      rabbitmqUrl: rabbitmq.value.url,
      managementUrl: rabbitmq.value.managementUrl,
      allSentAgain: rabbitmq.value.allSentAgain,
      how: { postgres: postgres.value.how, rabbitmq: rabbitmq.value.how },
      stop,
    };
  }
  await stop();
  signal.throwIfAborted();
  throw failure([postgres, rabbitmq]);
}

async function firstThatWorks(name: string, ways: Way[], search: Search): Promise<Server> {
  const reasons: string[] = [];
  for (const way of ways) {
    search.signal.throwIfAborted();
    try {
      return await way(search);
    } catch (error) {
      if (!(error instanceof NotAvailable)) throw error;
      reasons.push(error.message);
    }
  }
  throw new UserError(whatToDo(name, reasons));
}

function installed(packageName: string, way: Way): Way {
  return async (search) => {
    await aptInstall(packageName, search);
    return way(search);
  };
}

function whatToDo(name: string, reasons: string[]): string {
  const [variable, debian, brew] =
    name === 'PostgreSQL'
      ? ['DATABASE_URL', 'postgresql', 'postgresql@17']
      : ['RABBITMQ_URL', 'rabbitmq-server', 'rabbitmq'];
  return [
    `Ordermesh needs ${name} and found no way to one:`,
    ...reasons.map((reason) => `  - ${reason}`),
    'Do one of these, and run the same command again:',
    '  - start Docker;',
    `  - install it: sudo apt-get install ${debian}   (macOS: brew install ${brew});`,
    `  - point ${variable} at one that is running.`,
  ].join('\n');
}

function failure(results: PromiseSettledResult<Server>[]): Error {
  const errors = results
    .filter((result) => result.status === 'rejected')
    .map((result) => result.reason as Error);
  const unexpected = errors.find((error) => !(error instanceof UserError));
  return unexpected ?? new UserError(errors.map((error) => error.message).join('\n\n'));
}
