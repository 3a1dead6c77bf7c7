import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { GenericContainer, getContainerRuntimeClient } from 'testcontainers';
import { findRabbitmq } from '../scripts/servers/find-binaries';
import { freePort, randomPortBase } from '../scripts/servers/free-port';
import { Instance } from '../scripts/servers/instance';
import { instanceFolder } from '../scripts/servers/instance-folder';
import { localRabbitmq } from '../scripts/servers/local-rabbitmq';
import { rabbitmqEnvironment } from '../scripts/servers/rabbitmq-environment';
import { assertManagementAnswers, assertRabbitmqAnswers } from '../scripts/servers/readiness';
import type { Search } from '../scripts/servers/search';
import { claimTestRun, removeTestRun } from '../scripts/servers/test-runs';
import { waitUntil } from '../scripts/servers/wait-until';

/** A RabbitMQ that a test may kill: no other test is on it. */
export interface OwnBroker {
  urls: { amqp: string; management: string; metrics: string };
  /** Kills it, without a chance to put anything in order. */
  crash(): Promise<void>;
  /** Starts it again on its data and ports, and waits until it answers. */
  startAgain(): Promise<void>;
  /** Asks the node itself: `rabbitmqctl`, with its arguments. */
  control(...args: string[]): Promise<void>;
  /** Has it speak TLS too. @returns the port */
  startTls(certificate: { cert: string; key: string }): Promise<number>;
  stop(): Promise<void>;
}

/** From the machine's binaries where there are any, else in a container. */
export async function startOwnBroker(): Promise<OwnBroker> {
  const { tlsPort, ...broker } = await (findRabbitmq() ? fromBinaries() : inContainer());
  const startTls = async ({ cert, key }: { cert: string; key: string }) => {
    const [certificate, secret] = [cert, key].map((pem) => `<<"${pem.trim().replaceAll('\n', '\\n')}">>`);
    await broker.control(
      'eval',
      `[{_, Cert, _}] = public_key:pem_decode(${certificate}), [{Kind, Key, _}] = public_key:pem_decode(${secret}), ` +
        `rabbit_networking:start_ssl_listener(${tlsPort.inside}, [{cert, Cert}, {key, {Kind, Key}}], 1).`,
    );
    return tlsPort.outside;
  };
  return { ...broker, startTls };
}

/** Where it can listen to TLS, and where that is reached. */
type Started = Omit<OwnBroker, 'startTls'> & { tlsPort: { inside: number; outside: number } };

async function fromBinaries(): Promise<Started> {
  const search: Search = {
    purpose: 'test',
    log: () => undefined,
    signal: new AbortController().signal,
    fresh: false,
  };
  claimTestRun();
  let server = await localRabbitmq(search);
  const tlsPort = await freePort(randomPortBase());
  const instance = () => new Instance(instanceFolder('rabbitmq', search));
  return {
    tlsPort: { inside: tlsPort, outside: tlsPort },
    urls: {
      amqp: server.url,
      management: server.managementUrl ?? '',
      metrics: `http://127.0.0.1:${instance().record.ports.prometheus}`,
    },
    crash: () => server.stop(AbortSignal.abort()),
    startAgain: async () => {
      server = await localRabbitmq(search);
    },
    control: (...args) => controlLocally(instance(), args),
    stop: async () => {
      await server.stop(AbortSignal.abort());
      removeTestRun();
    },
  };
}

async function controlLocally(instance: Instance, args: readonly string[]): Promise<void> {
  const tool = path.join(path.dirname(findRabbitmq() ?? ''), 'rabbitmqctl');
  const env = rabbitmqEnvironment(instance, instance.record.ports); // its cookie, and its own port mapper
  await promisify(execFile)(tool, args, { env });
}

async function inContainer(): Promise<Started> {
  const [amqp, management, tls, metrics] = [
    await freePort(randomPortBase()),
    await freePort(randomPortBase()),
    await freePort(randomPortBase()),
    await freePort(randomPortBase()),
  ];
  const login = 'ordermesh:ordermesh@127.0.0.1';
  const urls = {
    amqp: `amqp://${login}:${amqp}`,
    management: `http://${login}:${management}`,
    metrics: `http://127.0.0.1:${metrics}`,
  };
  const answers = () =>
    waitUntil(() => assertRabbitmqAnswers(urls.amqp).then(() => assertManagementAnswers(urls.management)), {
      what: 'RabbitMQ in its container',
      timeoutMs: 60_000,
      everyMs: 200,
    });
  const container = await new GenericContainer('rabbitmq:4-management')
    .withHostname('own-broker')
    .withEnvironment({ RABBITMQ_DEFAULT_USER: 'ordermesh', RABBITMQ_DEFAULT_PASS: 'ordermesh' })
    .withExposedPorts(
      { container: 5672, host: amqp },
      { container: 15672, host: management },
      { container: 5671, host: tls },
      { container: 15692, host: metrics },
    )
    .start();
  const handle = (await getContainerRuntimeClient()).container.getById(container.getId());
  await answers();
  return {
    urls,
    tlsPort: { inside: 5671, outside: tls },
    crash: async () => void (await handle.kill()),
    startAgain: async () => {
      await handle.start();
      await answers();
    },
    control: async (...args) => {
      const { exitCode, output } = await container.exec(['rabbitmqctl', ...args]);
      if (exitCode !== 0) throw new Error(`rabbitmqctl ${args.join(' ')}: ${output}`);
    },
    stop: async () => void (await container.stop({ timeout: 0 })),
  };
}
