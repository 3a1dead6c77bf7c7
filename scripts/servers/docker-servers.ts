import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ContainerRuntimeClient } from 'testcontainers';
import { inLocal } from './checkout';
import {
  type ContainerPlan,
  removeContainer,
  removeLeftovers,
  startContainer,
  volumeExists,
  volumeName,
} from './docker-container';
import { dockerEngine } from './docker-engine';
import { haveImage } from './docker-image';
import { randomPortBase } from './free-port';
import { Instance } from './instance';
import { runFolder } from './instance-folder';
import { assertManagementAnswers, assertPostgresAnswers, assertRabbitmqAnswers } from './readiness';
import { NotAvailable, type Search, type Server } from './search';
import { readStateFile } from './state-file';
import { Hopeless, messageOf, waitUntil } from './wait-until';

interface Recipe {
  server: 'postgres' | 'rabbitmq';
  /** Ports on the host to ask for, by name; the next free one where one is taken. */
  ports: Record<string, number>;
  plan(instance: Instance, search: Search): Omit<ContainerPlan, 'server'>;
  urls(login: string, ports: Record<string, number>): Pick<Server, 'url' | 'managementUrl'>;
  /** Run inside, gives a volume from before the password that we know now. */
  setPassword(password: string): string[];
  ready(server: Pick<Server, 'url' | 'managementUrl'>): Promise<void>;
}

const throwaway = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

const postgres: Recipe = {
  server: 'postgres',
  ports: { postgres: 55432 },
  plan: ({ record }, { purpose }) => ({
    image: 'postgres:17',
    env: { POSTGRES_USER: 'ordermesh', POSTGRES_PASSWORD: record.password, POSTGRES_DB: 'ordermesh' },
    command: [
      'postgres',
      ...['max_connections=200', ...(purpose === 'test' ? throwaway : [])].flatMap((setting) => [
        '-c',
        setting,
      ]),
    ],
    dataPath: '/var/lib/postgresql/data',
    ports: { 5432: record.ports.postgres! },
  }),
  urls: (login, ports) => ({ url: `postgresql://${login}@127.0.0.1:${ports.postgres}/ordermesh` }),
  setPassword: (password) => ['psql', '-U', 'ordermesh', '-c', `ALTER USER ordermesh PASSWORD '${password}'`],
  ready: ({ url }) => assertPostgresAnswers(url),
};

const rabbitmq: Recipe = {
  server: 'rabbitmq',
  ports: { amqp: 55672, management: 55673 },
  plan: ({ record }) => ({
    image: 'rabbitmq:4-management',
    env: { RABBITMQ_DEFAULT_USER: 'ordermesh', RABBITMQ_DEFAULT_PASS: record.password },
    dataPath: '/var/lib/rabbitmq',
    ports: { 5672: record.ports.amqp!, 15672: record.ports.management! },
  }),
  urls: (login, ports) => ({
    url: `amqp://${login}@127.0.0.1:${ports.amqp}`,
    managementUrl: `http://${login}@127.0.0.1:${ports.management}`,
  }),
  setPassword: (password) => ['rabbitmqctl', 'change_password', 'ordermesh', password],
  ready: async ({ url, managementUrl }) => {
    await assertRabbitmqAnswers(url);
    await assertManagementAnswers(managementUrl!);
  },
};

/** Each in a container of its own, of the official image. */
export const dockerPostgres = (search: Search) => inDocker(postgres, search);
export const dockerRabbitmq = (search: Search) => inDocker(rabbitmq, search);

async function inDocker(recipe: Recipe, search: Search): Promise<Server> {
  const client = await dockerEngine();
  try {
    return await run(client, recipe, search);
  } catch (error) {
    if (search.signal.aborted) throw error;
    // An engine may answer and still not be of use (no network, no space, no registry).
    search.log(`${messageOf(error)}; trying another way`);
    throw new NotAvailable(messageOf(error));
  }
}

async function run(client: ContainerRuntimeClient, recipe: Recipe, search: Search): Promise<Server> {
  const folder = inLocal(runFolder(search.purpose), `docker-${recipe.server}`);
  const passwordIsNew = readStateFile(path.join(folder, 'instance.json')) === undefined;
  const instance = new Instance(folder);
  if (search.purpose === 'start' && existsSync(inLocal(recipe.server, 'instance.json'))) {
    search.log(
      `The data of earlier runs without Docker stays in ${inLocal(recipe.server)}, and is not used now`,
    );
  }
  await removeLeftovers(client, recipe.server, search); // first: they hold the ports that are asked for next
  const base = search.purpose === 'test' ? randomPortBase() : undefined;
  const wanted = Object.entries(recipe.ports).map(([name, port]) => [name, base ?? port] as const);
  const ports = await instance.choosePorts(Object.fromEntries(wanted));
  const plan = { server: recipe.server, ...recipe.plan(instance, search) };
  await haveImage(client, plan.image, search);
  search.signal.throwIfAborted();

  const oldData = passwordIsNew && !search.fresh && (await volumeExists(client, volumeName(recipe.server)));
  search.log(`Docker: starting ${plan.image}`);
  const container = await startContainer(client, plan, search);
  const server = recipe.urls(`ordermesh:${instance.record.password}`, ports);
  try {
    const attempt = async () => {
      const { State } = await container.inspect();
      if (!State.Running)
        throw new Hopeless(
          `${plan.image} ended with exit code ${State.ExitCode}: docker logs ${container.id.slice(0, 12)}`,
        );
      if (oldData) await client.container.exec(container, recipe.setPassword(instance.record.password));
      await recipe.ready(server);
    };
    await waitUntil(attempt, { what: plan.image, timeoutMs: 90_000, everyMs: 250, signal: search.signal });
  } catch (error) {
    await removeContainer(container, AbortSignal.abort());
    throw error;
  }
  const how = `${plan.image} in Docker${search.purpose === 'start' ? `, data in the volume ${volumeName(recipe.server)}` : ''}`;
  return {
    ...server,
    how,
    stop: (hurry) => removeContainer(container, search.purpose === 'test' ? AbortSignal.abort() : hurry),
  };
}
