import { within } from '../../shared/service/within';
import { dockerEngine } from '../../scripts/servers/docker-engine';
import { removeContainer, removeLeftovers, startContainer } from '../../scripts/servers/docker-container';
import { haveImage } from '../../scripts/servers/docker-image';
import { freePort, randomPortBase } from '../../scripts/servers/free-port';
import {
  assertManagementAnswers,
  assertPostgresAnswers,
  assertRabbitmqAnswers,
} from '../../scripts/servers/readiness';
import type { Search } from '../../scripts/servers/search';
import { waitUntil } from '../../scripts/servers/wait-until';
import type { BreakableServer, ServerName } from './breakable-server';

/** Even RabbitMQ is down by then. */
const STOP_MS = 30_000;
const LOGIN = 'ordermesh:ordermesh@127.0.0.1';

/** What differs between the two. */
const recipes = {
  postgres: {
    image: 'postgres:17',
    env: { POSTGRES_USER: 'ordermesh', POSTGRES_PASSWORD: 'ordermesh', POSTGRES_DB: 'ordermesh' },
    command: ['postgres', '-c', 'max_connections=200'],
    dataPath: '/var/lib/postgresql/data',
    stopSignal: 'SIGINT', // "fast": ends sessions instead of waiting for them
    ports: [5432],
    urls: ([port]: number[]) => ({ url: `postgresql://${LOGIN}:${port}/ordermesh`, managementUrl: '' }),
    ready: ({ url }: { url: string }) => assertPostgresAnswers(url),
  },
  rabbitmq: {
    image: 'rabbitmq:4-management',
    env: { RABBITMQ_DEFAULT_USER: 'ordermesh', RABBITMQ_DEFAULT_PASS: 'ordermesh' },
    command: undefined,
    dataPath: '/var/lib/rabbitmq',
    stopSignal: 'SIGTERM',
    ports: [5672, 15672],
    urls: ([amqp, management]: number[]) => ({
      url: `amqp://${LOGIN}:${amqp}`,
      managementUrl: `http://${LOGIN}:${management}`,
    }),
    ready: async ({ url, managementUrl }: { url: string; managementUrl: string }) => {
      await assertRabbitmqAnswers(url);
      await assertManagementAnswers(managementUrl);
    },
  },
};

/** In a container that is stopped, killed and started again, and so keeps its data. @throws NotAvailable */
export async function dockerServer(name: ServerName, search: Search): Promise<BreakableServer> {
  const client = await dockerEngine();
  const recipe = recipes[name];
  await removeLeftovers(client, name, search);
  await haveImage(client, recipe.image, search);
  const outside: number[] = [];
  for (const _port of recipe.ports) outside.push(await freePort(randomPortBase()));
  const urls = recipe.urls(outside);
  const container = await startContainer(
    client,
    {
      server: name,
      image: recipe.image,
      env: recipe.env,
      command: recipe.command,
      dataPath: recipe.dataPath,
      ports: Object.fromEntries(recipe.ports.map((inside, index) => [inside, outside[index]!])),
    },
    search,
  );
  const answers = () =>
    waitUntil(() => recipe.ready(urls), { what: recipe.image, timeoutMs: 90_000, everyMs: 250 });
  const end = () => removeContainer(container, AbortSignal.abort());
  try {
    await answers();
  } catch (error) {
    await end();
    throw error;
  }
  return {
    ...urls,
    how: `${recipe.image} in Docker`,
    shutDown: async () => {
      await container.kill({ signal: recipe.stopSignal });
      await within(STOP_MS, container.wait());
    },
    crash: async () => {
      await container.kill({ signal: 'SIGKILL' });
      await container.wait();
    },
    startAgain: async () => {
      await container.start();
      await answers();
    },
    control: async (...args) => {
      const { exitCode, output } = await client.container.exec(container, [
        'rabbitmqctl',
        '--quiet',
        ...args,
      ]);
      if (exitCode !== 0) throw new Error(`rabbitmqctl ${args.join(' ')}: ${output.trim()}`);
      return output.trim();
    },
    end,
  };
}
