import { aptInstall } from '../../scripts/servers/apt-install';
import { NotAvailable, type Search } from '../../scripts/servers/search';
import type { Control } from '../../scripts/supervisor/control';
import { messageOf } from '../../scripts/servers/wait-until';
import type { BreakableServer, ServerName } from './breakable-server';
import { dockerServer } from './docker-server';
import { localServer } from './local-server';

const packages: Record<ServerName, string> = { postgres: 'postgresql', rabbitmq: 'rabbitmq-server' };

/** Both servers, started side by side. When one cannot be had, the other is ended. @throws UserError, NotAvailable */
export async function ownServers({ say, stopping }: Control): Promise<Record<ServerName, BreakableServer>> {
  const search: Search = { purpose: 'chaos', log: say, signal: stopping, fresh: false };
  const [postgres, rabbitmq] = await Promise.allSettled([
    ownServer('postgres', search),
    ownServer('rabbitmq', search),
  ]);
  if (postgres.status === 'fulfilled' && rabbitmq.status === 'fulfilled')
    return { postgres: postgres.value, rabbitmq: rabbitmq.value };
  for (const one of [postgres, rabbitmq]) if (one.status === 'fulfilled') await one.value.end();
  throw postgres.status === 'rejected' ? postgres.reason : (rabbitmq as PromiseRejectedResult).reason;
}

/**
 * A server from the machine's binaries, because those come up again fastest; else in a container; else
 * after installing the package. Never one that somebody gave: it is going to be killed.
 * @throws UserError, NotAvailable
 */
async function ownServer(name: ServerName, search: Search): Promise<BreakableServer> {
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
