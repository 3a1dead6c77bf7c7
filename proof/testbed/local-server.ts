import { setTimeout as delay } from 'node:timers/promises';
import { Instance } from '../../scripts/servers/instance';
import { instanceFolder } from '../../scripts/servers/instance-folder';
import { localPostgres } from '../../scripts/servers/local-postgres';
import { localRabbitmq } from '../../scripts/servers/local-rabbitmq';
import { isRunning } from '../../scripts/servers/process-identity';
import type { Search, Server } from '../../scripts/servers/search';
import { postgresUser } from '../../scripts/servers/system-user';
import type { BreakableServer, ServerName } from './breakable-server';
import { rabbitmqctl } from './rabbitmqctl';

const start: Record<ServerName, (search: Search) => Promise<Server>> = {
  postgres: localPostgres,
  rabbitmq: localRabbitmq,
};
const START_TRIES = 5;

/** A private instance of the machine's binaries. @throws NotAvailable, where there are none */
export async function localServer(name: ServerName, search: Search): Promise<BreakableServer> {
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
    control: (...args) => rabbitmqctl(new Instance(folder), args),
    end: () => server.stop(AbortSignal.abort()),
  };
}
