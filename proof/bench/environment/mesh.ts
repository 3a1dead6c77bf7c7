import { randomBytes } from 'node:crypto';
import { discoverServices } from '../../../scripts/supervisor/discover-services';
import { PAYMENT_SIMULATOR } from '../../../scripts/supervisor/payment-environment';
import { waitUntil } from '../../../scripts/servers/wait-until';
import type { Bench } from '../bench';
import { makeMenus, type Menu } from './menu';
import { startService, type ServiceProcess } from '../../testbed/measured-process';
import type { Scope } from '../../testbed/scope';
import { openWorld, type World } from './world';

const RELAY = 'outbox-publisher';
const MOST_QUIET_MS = 240_000;

/** All of the mesh, one process a service, on a database and a virtual host of its own. */
export interface BenchMesh {
  world: World;
  menus: Menu[];
  apiUrl: string;
  /** By service; of several instances `inventory-service-2` and so on. */
  processes: ServiceProcess[];
  environment: Record<string, string>;
}

export interface MeshOptions {
  /** Instances of a service, where not one. */
  instances?: Record<string, number>;
  /** Leaves the relay to the caller. */
  withoutRelay?: boolean;
  /** Given to every process beside what all are given. */
  environment?: Record<string, string>;
}

export async function startBenchMesh(
  bench: Bench,
  scope: Scope,
  name: string,
  { instances = {}, withoutRelay = false, environment: more = {} }: MeshOptions = {},
): Promise<BenchMesh> {
  const world = scope.own(await openWorld(bench.servers, name, true));
  const menus = await makeMenus(world.databaseUrl);
  const environment: Record<string, string> = {
    DATABASE_URL: world.databaseUrl,
    RABBITMQ_URL: world.rabbitmqUrl,
    CARD_TOKEN_KEY: randomBytes(32).toString('base64'),
    ...more,
  };
  const services = discoverServices().filter((service) => !(withoutRelay && service === RELAY));
  const processes: ServiceProcess[] = [];
  const start = async (service: string) => {
    for (let index = 1; index <= (instances[service] ?? 1); index += 1) {
      const started = await startService(bench, scope, service, environment);
      if (index > 1) started.name = `${service}-${index}`;
      processes.push(started);
    }
  };
  // First, because payment-service has to be told where it is.
  if (services.includes(PAYMENT_SIMULATOR)) {
    await start(PAYMENT_SIMULATOR);
    environment.PAYMENT_SIMULATOR_URL = processes[0]?.url ?? '';
  }
  await Promise.all(services.filter((service) => service !== PAYMENT_SIMULATOR).map(start));
  const apiUrl = processes.find((one) => one.name === 'order-api')?.url ?? '';
  await world.settle();
  return { world, menus, apiUrl, processes, environment };
}

/** Orders that are placed and not yet decided, and events that are not yet published. */
export async function backlogOf({ query }: World): Promise<{ orders: number; events: number }> {
  const [row] = await query<{ orders: number; events: number }>(
    `SELECT (SELECT count(*)::int FROM orders WHERE status = 'PLACED') AS orders,
            (SELECT count(*)::int FROM outbox_events) AS events`,
  );
  return row ?? { orders: NaN, events: NaN };
}

/** Events that are published, and that who subscribes to them has not handled yet: by consumer, the most first. */
export async function unhandledBy({ query }: World): Promise<{ consumer: string; events: number }[]> {
  return query(
    `SELECT s.consumer, count(*)::int AS events
     FROM event_log e JOIN subscriptions s ON s.event_type = e.type AND s.until IS NULL AND e.published_at >= s.since
     WHERE NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = s.consumer AND p.event_id = e.event_id)
     GROUP BY 1 ORDER BY 2 DESC`,
  );
}

/** Waits until no order waits, the outbox is empty and everybody has handled what is theirs. @throws after four minutes */
export async function untilDrained(bench: Bench, world: World): Promise<void> {
  const ask = async () => {
    const { orders, events } = await backlogOf(world);
    if (orders + events > 0) throw new Error(`${orders} orders and ${events} events wait`);
    const [behind] = await unhandledBy(world);
    if (behind) throw new Error(`${behind.events} events wait for ${behind.consumer}`);
  };
  await waitUntil(ask, {
    what: 'The mesh to have drained',
    timeoutMs: MOST_QUIET_MS,
    everyMs: 250,
    signal: bench.control.stopping,
  });
}
