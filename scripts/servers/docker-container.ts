import type { ContainerRuntimeClient } from 'testcontainers';
import { checkoutHash } from './checkout';
import { runFolder } from './instance-folder';
import { describeProcess, isRunning } from './process-identity';
import type { Search } from './search';

/** What a server's container needs beyond its image. */
export interface ContainerPlan {
  /** `postgres` or `rabbitmq`. */
  server: string;
  image: string;
  env: Record<string, string>;
  command?: string[];
  /** Where the image keeps its data: a named volume for `start`, gone with the container for `test`. */
  dataPath: string;
  /** Port in the container to port on 127.0.0.1. */
  ports: Record<number, number>;
}

type Container = Awaited<ReturnType<ContainerRuntimeClient['container']['create']>>;

const label = { checkout: 'ordermesh.checkout', owner: 'ordermesh.owner' };

/** Of the `start` data; it outlives the containers. */
export const volumeName = (server: string) => `ordermesh-${checkoutHash}-${server}`;

/** Starts a container of this run's own. */
export async function startContainer(
  client: ContainerRuntimeClient,
  plan: ContainerPlan,
  search: Search,
): Promise<Container> {
  if (search.fresh) await removeVolume(client, volumeName(plan.server));
  const run = runFolder(search.purpose);
  const container = await client.container.create({
    name: ['ordermesh', checkoutHash, run, plan.server].filter(Boolean).join('-'),
    // RabbitMQ's data belongs to the host name that made it.
    Hostname: `ordermesh-${plan.server}`,
    Image: plan.image,
    Env: Object.entries(plan.env).map(([name, value]) => `${name}=${value}`),
    Cmd: plan.command,
    Labels: { [label.checkout]: checkoutHash, [label.owner]: JSON.stringify(describeProcess(process.pid)) },
    ExposedPorts: Object.fromEntries(Object.keys(plan.ports).map((port) => [`${port}/tcp`, {}])),
    HostConfig: {
      PortBindings: Object.fromEntries(
        Object.entries(plan.ports).map(([inside, outside]) => [
          `${inside}/tcp`,
          [{ HostIp: '127.0.0.1', HostPort: String(outside) }],
        ]),
      ),
      Binds: search.purpose === 'start' ? [`${volumeName(plan.server)}:${plan.dataPath}`] : [],
    },
  });
  try {
    await container.start();
  } catch (error) {
    await removeContainer(container, AbortSignal.abort());
    throw error;
  }
  return container;
}

/** Gracefully, unless hurried; its anonymous volumes go with it, the named one stays. */
export async function removeContainer(container: Container, hurry?: AbortSignal): Promise<void> {
  if (!hurry?.aborted) await container.stop({ t: 15 }).catch(() => undefined); // it may have ended already
  await container.remove({ force: true, v: true });
}

export async function volumeExists(client: ContainerRuntimeClient, name: string): Promise<boolean> {
  return client.container.dockerode
    .getVolume(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}

async function removeVolume(client: ContainerRuntimeClient, name: string): Promise<void> {
  if (await volumeExists(client, name)) await client.container.dockerode.getVolume(name).remove();
}

/** Containers of this checkout whose run is no more. A broker stopped in good order keeps its data sound. */
export async function removeLeftovers(
  client: ContainerRuntimeClient,
  server: string,
  search: Search,
): Promise<void> {
  const filters = { label: [`${label.checkout}=${checkoutHash}`] };
  for (const info of await client.container.dockerode.listContainers({ all: true, filters })) {
    const isThisServer = info.Names.some((name) => name.endsWith(`-${server}`));
    const owner = JSON.parse(info.Labels[label.owner] ?? '{"pid":0}') as { pid: number; identity: string };
    if (!isThisServer || isRunning(owner)) continue;
    search.log(`Docker: removing the container that a killed run has left (${info.Names.join()})`);
    await removeContainer(client.container.getById(info.Id));
  }
}
