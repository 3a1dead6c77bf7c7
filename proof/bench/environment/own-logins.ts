import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setUpLogins } from '../../../scripts/users/set-up-logins';
import { openManagement } from '../../../scripts/users/management';
import type { BenchServers } from './servers';
import type { World } from './world';

/**
 * Gives each service a login of its own in a world, as `npm run users` does.
 * @returns the world as one service sees it
 */
export async function withOwnLogin(
  { rabbitmq }: BenchServers,
  world: World,
  service: string,
): Promise<World> {
  const passwords = mkdtempSync(path.join(tmpdir(), 'ordermesh-bench-logins-'));
  // Roles are the server's, and there are several worlds on it.
  const prefix = `${new URL(world.databaseUrl).pathname.slice(1)}-`;
  const urlOf = (server: string, at: string) => {
    const url = new URL(at);
    url.username = prefix + service;
    url.password = readFileSync(path.join(passwords, service, `${server}-password`), 'utf8').trim();
    return url.href;
  };
  try {
    const management = openManagement(rabbitmq.managementUrl, world.rabbitmqUrl);
    const servers = { databaseUrl: world.databaseUrl, management, say: () => undefined };
    await setUpLogins(servers, { help: false, passwords, prefix, remove: [] });
    const hasUser = service !== 'order-api';
    return {
      ...world,
      databaseUrl: urlOf('database', world.databaseUrl),
      rabbitmqUrl: hasUser ? urlOf('rabbitmq', world.rabbitmqUrl) : world.rabbitmqUrl,
    };
  } finally {
    rmSync(passwords, { recursive: true });
  }
}
