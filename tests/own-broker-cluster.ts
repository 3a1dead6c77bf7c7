import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { aptInstall } from '../scripts/servers/apt-install';
import { findEpmd, findRabbitmq } from '../scripts/servers/find-binaries';
import { freePort, randomPortBase } from '../scripts/servers/free-port';
import { Instance } from '../scripts/servers/instance';
import { startInBackground, tailOf, type StartedProcess } from '../scripts/servers/owned-process';
import { rabbitmqEnvironment } from '../scripts/servers/rabbitmq-environment';
import { assertManagementAnswers, assertRabbitmqAnswers } from '../scripts/servers/readiness';
import { NotAvailable } from '../scripts/servers/search';
import { until } from '../shared/testing/until';

/** One of the nodes. */
export interface ClusterNode {
  /** As the cluster knows it: `one@localhost`. */
  name: string;
  amqp: string;
  management: string;
  /** Kills it, without a chance to put anything in order. */
  kill(): void;
  /** Starts it again on its data and ports, and waits until it serves. */
  startAgain(): Promise<void>;
  /** Cuts it off from the others, as where a network breaks; its clients still reach it. */
  partition(): Promise<void>;
  heal(): Promise<void>;
}

/** Three nodes of RabbitMQ on this machine. */
export interface BrokerCluster {
  nodes: ClusterNode[];
  /** The node that leads a queue, asked of a node that is well. */
  leaderOf(vhost: string, queue: string): Promise<ClusterNode>;
  /** Waits until all nodes serve, and know each other. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

const NAMES = ['one', 'two', 'three'];
const PASSWORD = 'cluster';
const START_MS = 120_000;
const COMMAND_MS = 60_000;

/** @returns undefined, with why on stderr, where there is no RabbitMQ on this machine and none can be installed */
export async function startBrokerCluster(): Promise<BrokerCluster | undefined> {
  const signal = new AbortController().signal;
  try {
    if (!findRabbitmq())
      await aptInstall('rabbitmq-server', { purpose: 'test', log: () => undefined, signal, fresh: false });
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error;
    console.warn(`Not tested: there is no RabbitMQ on this machine (${error.message})`);
    return undefined;
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-cluster-'));
  const cookie = randomBytes(16).toString('hex');
  const epmdPort = await freePort(randomPortBase());
  const started: StartedProcess[] = [];
  const nodes: (ClusterNode & { begin(): void; serves(): Promise<boolean> })[] = [];
  for (const name of NAMES) nodes.push(await makeNode(folder, name, { cookie, epmdPort, started }));
  const epmd = ['-address', '127.0.0.1', '-port', String(epmdPort)];
  const logFile = path.join(folder, 'epmd.log');
  started.push(startInBackground(findEpmd()!, epmd, { env: process.env, logFile, stopSignal: 'SIGTERM' }));
  const cluster: BrokerCluster = {
    nodes,
    leaderOf: async (vhost, queue) => {
      const leader = await until(
        `${queue} to have a leader`,
        async () => (await ask<{ leader?: string }>(nodes, `/api/queues/${vhost}/${queue}`)).leader,
        60_000,
      );
      return nodes.find((node) => node.name === leader)!;
    },
    whole: async () => {
      await until(
        'the cluster to be whole',
        async () => {
          for (const node of nodes) {
            const seen = await ask<{ running: boolean; partitions: string[] }[]>([node], '/api/nodes');
            if (seen.filter((one) => one.running && one.partitions.length === 0).length < NAMES.length)
              return false;
          }
          return true;
        },
        START_MS,
      );
    },
    stop: async () => {
      for (const node of nodes) node.kill();
      for (const one of started) killGroup(one);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
  try {
    for (const node of nodes) node.begin();
    await Promise.all(nodes.map((node) => node.serves()));
    await cluster.whole();
  } catch (error) {
    const logs = NAMES.map((name) => tailOf(path.join(folder, name, 'log'))).join('\n');
    await cluster.stop();
    throw new Error(logs, { cause: error });
  }
  return cluster;
}

interface Shared {
  cookie: string;
  epmdPort: number;
  started: StartedProcess[];
}

async function makeNode(folder: string, name: string, { cookie, epmdPort, started }: Shared) {
  const instance = new Instance(path.join(folder, name));
  instance.record.password = PASSWORD;
  const ports: Record<string, number> = { epmd: epmdPort };
  for (const port of ['amqp', 'management', 'prometheus', 'distribution'])
    ports[port] = await freePort(randomPortBase());
  const env: NodeJS.ProcessEnv = {
    ...rabbitmqEnvironment(instance, ports),
    RABBITMQ_NODENAME: `${name}@localhost`,
  };
  writeFileSync(instance.inFolder('home', '.erlang.cookie'), cookie, { mode: 0o400 });
  appendFileSync(
    env.RABBITMQ_CONFIG_FILE!,
    [
      // What RabbitMQ advises for three nodes: one that sees no other serves nobody.
      'cluster_partition_handling = pause_minority',
      'cluster_formation.peer_discovery_backend = classic_config',
      ...NAMES.map((one, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${one}@localhost`),
      'cluster_formation.randomized_startup_delay_range.min = 0',
      'cluster_formation.randomized_startup_delay_range.max = 1',
      '',
    ].join('\n'),
  );
  const others = NAMES.filter((one) => one !== name).map((one) => `'${one}@localhost'`);
  const urls = {
    amqp: `amqp://ordermesh:${PASSWORD}@127.0.0.1:${ports.amqp}`,
    management: `http://ordermesh:${PASSWORD}@127.0.0.1:${ports.management}`,
  };
  let running: StartedProcess | undefined;
  const begin = () => {
    running = startInBackground(findRabbitmq()!, [], {
      env,
      logFile: instance.inFolder('log'),
      stopSignal: 'SIGTERM',
    });
    started.push(running);
  };
  const serves = () =>
    until(
      `${name} to serve`,
      () =>
        assertRabbitmqAnswers(urls.amqp)
          .then(() => assertManagementAnswers(urls.management))
          .then(() => true),
      START_MS,
    );
  const evaluate = async (erlang: string) => {
    const { RABBITMQ_DIST_PORT: _port, RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: _args, ...own } = env;
    const tool = path.join(path.dirname(findRabbitmq()!), 'rabbitmqctl');
    await promisify(execFile)(tool, ['--quiet', 'eval', erlang], { env: own, cwd: '/', timeout: COMMAND_MS });
  };
  return {
    name: `${name}@localhost`,
    ...urls,
    begin,
    serves,
    kill: () => {
      if (running) killGroup(running);
    },
    startAgain: async () => {
      begin();
      await serves();
    },
    // Each of two nodes has to know the other's cookie: with a wrong one neither lets the other in.
    partition: () =>
      evaluate(
        `[erlang:set_cookie(N, partitioned) || N <- [${others.join(', ')}]], ` +
          `[erlang:disconnect_node(N) || N <- [${others.join(', ')}]].`,
      ),
    heal: () => evaluate(`[erlang:set_cookie(N, '${cookie}') || N <- [${others.join(', ')}]].`),
  };
}

function killGroup({ pid }: StartedProcess): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it is gone
  }
}

/** Asks the first node that answers. */
async function ask<T>(nodes: readonly { management: string }[], question: string): Promise<T> {
  let last: unknown;
  for (const { management } of nodes) {
    const { origin, username, password } = new URL(management);
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    try {
      const response = await fetch(`${origin}${question}`, {
        headers: { authorization },
        signal: AbortSignal.timeout(5_000),
      });
      if (response.ok) return (await response.json()) as T;
      last = new Error(`${question}: ${response.status}`);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
