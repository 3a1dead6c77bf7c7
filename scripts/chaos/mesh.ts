import { discoverSubscriptions } from '../../shared/messaging/declare-mesh';
import type { Control } from '../supervisor/control';
import { runMigrations } from '../supervisor/run-migrations';
import { discoverServices } from '../supervisor/discover-services';
import type { Search } from '../servers/search';
import { waitUntil } from '../servers/wait-until';
import { breakableServer, type BreakableServer, type ServerName } from './breakable-server';
import { startMeshProcess, type MeshProcess } from './mesh-process';
import type { RunFolder } from './run-folder';

/** A whole mesh on servers of its own. */
export interface ChaosMesh {
  servers: Record<ServerName, BreakableServer>;
  processes: MeshProcess[];
  /** How often consumers were delivered what they had handled before. */
  ignored(): number;
  /** Drains and stops everything; in a hurry, it is killed. */
  stop(hurry: boolean): Promise<void>;
}

/** How many of each service run. */
export const INSTANCES = 2;
/** Short enough for a run to see the end of every ladder. The same for set-up and services. */
export const RETRY_LABELS = ['1s', '2s', '4s', '8s'];

const READY_MS = 90_000;
const ENVIRONMENT = {
  RETRY_DELAYS: RETRY_LABELS.join(','),
  DATABASE_POOL_SIZE: '5',
  LOG_LEVEL: 'info',
};

export const meshServices = (): string[] => discoverServices();
export const meshConsumers = (): string[] => discoverSubscriptions().map(({ service }) => service);

export async function startChaosMesh(folder: RunFolder, control: Control): Promise<ChaosMesh> {
  const search: Search = { purpose: 'chaos', log: control.say, signal: control.stopping, fresh: false };
  const servers: Partial<Record<ServerName, BreakableServer>> = {};
  const processes: MeshProcess[] = [];
  let ignored = 0;
  const stop = async (hurry: boolean) => {
    if (hurry) for (const one of processes) one.killForGood();
    await Promise.allSettled(processes.map((one) => one.stop()));
    await Promise.allSettled(Object.values(servers).map((one) => one.end()));
  };
  try {
    const results = await Promise.allSettled(
      (['postgres', 'rabbitmq'] as const).map(async (name) => {
        servers[name] = await breakableServer(name, search);
      }),
    );
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    const both = servers as Record<ServerName, BreakableServer>;
    await setUp(both, control);
    for (const service of meshServices()) {
      for (let index = 1; index <= INSTANCES; index += 1) {
        control.stopping.throwIfAborted();
        processes.push(
          await startMeshProcess({
            service,
            index,
            servers: both,
            environment: ENVIRONMENT,
            folder,
            onLine: (_name, line) => {
              if (line.includes('"msg":"handled before, ignored"')) ignored += 1;
            },
            say: control.say,
          }),
        );
      }
    }
    await Promise.all(processes.map((one) => untilReady(one, control.stopping)));
    return { servers: both, processes, ignored: () => ignored, stop };
  } catch (error) {
    await stop(true);
    throw error;
  }
}

async function setUp(servers: Record<ServerName, BreakableServer>, control: Control): Promise<void> {
  // The set-up step reads its configuration from the environment, like the services.
  Object.assign(process.env, ENVIRONMENT);
  await runMigrations(
    {
      databaseUrl: servers.postgres.url,
      rabbitmqUrl: servers.rabbitmq.url,
      managementUrl: servers.rabbitmq.managementUrl,
      how: { postgres: servers.postgres.how, rabbitmq: servers.rabbitmq.how },
      stop: () => Promise.resolve(),
    },
    control,
  );
}

async function untilReady({ name, url }: MeshProcess, signal: AbortSignal): Promise<void> {
  const ask = async () => {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`answers ${response.status}`);
  };
  await waitUntil(ask, { what: `${name} to be ready`, timeoutMs: READY_MS, everyMs: 200, signal });
}
