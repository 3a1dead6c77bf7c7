import { setTimeout as delay } from 'node:timers/promises';
import { aptInstall } from '../servers/apt-install';
import { Instance } from '../servers/instance';
import { instanceFolder } from '../servers/instance-folder';
import { localPostgres } from '../servers/local-postgres';
import { localRabbitmq } from '../servers/local-rabbitmq';
import { isRunning } from '../servers/process-identity';
import { NotAvailable, type Search, type Server } from '../servers/search';
import { postgresUser } from '../servers/system-user';
import { messageOf } from '../servers/wait-until';
import { dockerServer } from './docker-server';

export type ServerName = 'postgres' | 'rabbitmq';

/** A server of the run's own, which may be taken down and comes up again with its ports and its data. */
export interface BreakableServer {
  readonly url: string;
  /** Of a broker, with the credentials in it. */
  readonly managementUrl: string;
  /** Where it came from, for people. */
  readonly how: string;
  /** Down in good order. PostgreSQL ends its sessions rather than wait for them. */
  shutDown(): Promise<void>;
  /** Down without a chance to put anything in order: kill -9. */
  crash(): Promise<void>;
  /** Up again; resolves when it answers. */
  startAgain(): Promise<void>;
  /** The end of it. */
  end(): Promise<void>;
}

const start: Record<ServerName, (search: Search) => Promise<Server>> = {
  postgres: localPostgres,
  rabbitmq: localRabbitmq,
};
const packages: Record<ServerName, string> = { postgres: 'postgresql', rabbitmq: 'rabbitmq-server' };

/**
 * A server from the machine's binaries, because those come up again fastest; else in a container; else
 * after installing the package. Never one that somebody gave: it is going to be killed.
 * @throws UserError, NotAvailable
 */
export async function breakableServer(name: ServerName, search: Search): Promise<BreakableServer> {
  const ways = [
    () => localServer(name, search),
    () => dockerServer(name, search),
    async () => {
      await aptInstall(packages[name], search);
      return localServer(name, search);
    },
  ];
  const reasons: string[] = [];
  for (const way of ways) {
    try {
      return await way();
    } catch (error) {
      if (!(error instanceof NotAvailable)) throw error;
      reasons.push(messageOf(error));
    }
  }
  throw new NotAvailable(`There is no way to a ${name} of the run's own: ${reasons.join('; ')}.`);
}

const START_TRIES = 5;

async function localServer(name: ServerName, search: Search): Promise<BreakableServer> {
  let server = await start[name](search);
  const folder = instanceFolder(name, search, name === 'postgres' ? postgresUser() : undefined);
  return {
    url: server.url,
    managementUrl: server.managementUrl ?? '',
    how: server.how,
    shutDown: () => server.stop(),
    crash: async () => {
      // The last one started is the server; its group goes with it.
      const victim = new Instance(folder).record.processes.at(-1);
      if (victim && isRunning(victim)) process.kill(-victim.pid, 'SIGKILL');
      await server.stop(AbortSignal.abort()); // what depends on it
    },
    startAgain: async () => {
      for (let tries = 1; ; tries += 1) {
        try {
          server = await start[name](search);
          return;
        } catch (error) {
          // Backends of a killed PostgreSQL hold its shared memory until they notice.
          if (tries === START_TRIES || search.signal.aborted) throw error;
          await delay(500 * tries);
        }
      }
    },
    end: () => server.stop(AbortSignal.abort()),
  };
}
