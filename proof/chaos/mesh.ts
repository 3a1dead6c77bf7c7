import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { discoverSubscriptions } from '../../shared/messaging/declare-mesh';
import type { Control } from '../../scripts/supervisor/control';
import { runMigrations } from '../../scripts/supervisor/run-migrations';
import { discoverServices, mainOf } from '../../scripts/supervisor/discover-services';
import type { BreakableServer, ServerName } from '../testbed/breakable-server';
import { ownServers } from '../testbed/own-server';
import type { Version } from '../testbed/prepare-version';
import { startMeshProcess, type MeshProcess, type ProcessOptions } from '../testbed/mesh-process';
import type { RunFolder } from '../testbed/run-folder';
import { untilReady } from '../testbed/until-ready';
import { brokerDesk, type BrokerDesk } from './broker-desk';
import { listenToLogs, type Heard } from './listen-to-logs';
import { startMailReceiver, type MailReceiver } from './mail-receiver';
import type { Random } from '../testbed/random';
import { makeLogins, type Logins } from './logins';

/** A whole mesh on servers of its own. */
export interface ChaosMesh {
  servers: Record<ServerName, BreakableServer>;
  logins: Logins;
  broker: BrokerDesk;
  /** The gateway's process, which is one of them. */
  gateway: MeshProcess;
  /** What the gateway has been asked, a JSON line for each request. */
  journal: string;
  processes: MeshProcess[];
  /** What its processes have said. */
  heard: Heard;
  /** Where its mails arrive. */
  mails: MailReceiver;
  /** Drains and stops everything; in a hurry, it is killed. */
  stop(hurry: boolean): Promise<void>;
}

/** How many of each service run. */
export const INSTANCES = 2;
/** Short enough for a run to see the end of every ladder. The same for set-up and services. */
export const RETRY_LABELS = ['1s', '2s', '4s', '8s'];

/** How often a webhook is tried before it is given up. */
export const WEBHOOK_ATTEMPTS = 21;

const READY_MS = 90_000;
const ENVIRONMENT = {
  RETRY_DELAYS: RETRY_LABELS.join(','),
  DATABASE_POOL_SIZE: '5',
  LOG_LEVEL: 'info',
  // Shorter than many an outage: an order that is late because the mesh is has to be given the time.
  ORDER_DEADLINE: '30s',
  CARD_TOKEN_KEY: randomBytes(32).toString('base64'),
  PAYMENT_TIMEOUT: '2s',
  // The shortest that is accepted: a process that stands still has its payments taken over.
  PAYMENT_TAKEOVER: '8s',
  // Just within the timeout, so that anything that is slow beside it makes it no answer.
  SIMULATOR_SLOW: '1500ms',
  SIMULATOR_HANG: '10s',
  // A mail server, or a receiver of webhooks, that is not well for a while is no reason to fail for good.
  NOTIFICATION_RETRY_DELAYS: Array.from({ length: 20 }, () => '2s').join(','),
  WEBHOOK_RETRY_DELAYS: Array.from({ length: WEBHOOK_ATTEMPTS - 1 }, () => '2s').join(','),
  WEBHOOK_ALLOW_PRIVATE: 'true',
};
const GATEWAY = 'payment-simulator';
/** Of these a run asks and judges what an older version may not know: routes, mails, webhooks. */
const JUDGED_BY_THE_NEW = new Set(['order-api', 'notification-service']);
/** The only service that talks to the gateway. */
export const GATEWAY_CALLER = 'payment-service';

/** All but the gateway, which is somebody else's in earnest, and of which there is one. */
export const meshServices = (): string[] => discoverServices().filter((service) => service !== GATEWAY);
export const meshConsumers = (): string[] => discoverSubscriptions().map(({ service }) => service);

export async function startChaosMesh(
  folder: RunFolder,
  control: Control,
  random: Random,
  older?: Version,
): Promise<ChaosMesh> {
  let servers: Partial<Record<ServerName, BreakableServer>> = {};
  const processes: MeshProcess[] = [];
  const heard = listenToLogs();
  const mails = await startMailReceiver(random);
  const stop = async (hurry: boolean) => {
    if (hurry) for (const one of processes) one.killForGood();
    await Promise.allSettled(processes.map((one) => one.stop()));
    await Promise.allSettled([...Object.values(servers).map((one) => one.end()), mails.stop()]);
  };
  try {
    const both = await ownServers(control);
    servers = both;
    await setUp(both, control);
    const broker = brokerDesk(both.rabbitmq.managementUrl);
    const logins = await makeLogins(both, broker, folder.folder);
    const start = async (
      service: string,
      index: number,
      reaches: ProcessOptions['reaches'],
      environment: Record<string, string> = { ...ENVIRONMENT, SMTP_URL: mails.url },
    ) => {
      control.stopping.throwIfAborted();
      // Of two instances of a service one is the other version's, where that has it.
      const main =
        index > 1 && !JUDGED_BY_THE_NEW.has(service) && older?.services.includes(service)
          ? mainOf(service, older.dist)
          : undefined;
      const given = {
        service,
        index,
        main,
        reaches,
        environment,
        folder,
        onLine: heard.onLine,
        say: control.say,
      };
      const started = await startMeshProcess(given);
      processes.push(started);
      return started;
    };
    const journal = path.join(folder.folder, 'payment-simulator.jsonl');
    const gateway = await start(GATEWAY, 1, {}, { ...ENVIRONMENT, SIMULATOR_JOURNAL: journal });
    for (const service of meshServices()) {
      const reached = {
        postgres: logins.urlOf(service, 'postgres'),
        rabbitmq: logins.urlOf(service, 'rabbitmq'),
      };
      const reaches = service === GATEWAY_CALLER ? { ...reached, gateway: gateway.url } : reached;
      for (let index = 1; index <= INSTANCES; index += 1) await start(service, index, reaches);
    }
    await Promise.all(
      processes.map(({ name, url }) =>
        untilReady(name, url, { timeoutMs: READY_MS, signal: control.stopping }),
      ),
    );
    return { servers: both, logins, broker, gateway, journal, processes, heard, mails, stop };
  } catch (error) {
    await stop(true);
    throw error;
  }
}

async function setUp(servers: Record<ServerName, BreakableServer>, control: Control): Promise<void> {
  // The set-up step reads its configuration from the environment, like the services.
  Object.assign(process.env, ENVIRONMENT);
  await runMigrations({ databaseUrl: servers.postgres.url, rabbitmqUrl: servers.rabbitmq.url }, control);
}
