import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { findEpmd, findRabbitmq } from './find-binaries';
import { randomPortBase } from './free-port';
import { type Instance, openInstance } from './instance';
import { instanceFolder } from './instance-folder';
import { startInBackground } from './owned-process';
import { rabbitmqEnvironment } from './rabbitmq-environment';
import { assertManagementAnswers, assertRabbitmqAnswers } from './readiness';
import { NotAvailable, type Search, type Server } from './search';
import { startInstance } from './start-instance';

/** A RabbitMQ node of the project's own, beside whatever else runs on the machine. */
export async function localRabbitmq(search: Search): Promise<Server> {
  const script = findRabbitmq();
  if (!script) throw new NotAvailable('no RabbitMQ on this machine');
  const instance = await openInstance(instanceFolder('rabbitmq', search), search.fresh);
  rebuildWhereUnreadable(instance, search);
  const reused = await startInstance(
    instance,
    {
      what: 'RabbitMQ',
      start: () => start(script, instance, search),
      ready: () => ready(instance),
      timeoutMs: 60_000,
    },
    search,
  );
  return {
    url: urlOf(instance, 'amqp'),
    managementUrl: urlOf(instance, 'management'),
    allSentAgain: instance.record.queuesLost ? () => instance.noteQueuesLost(false) : undefined,
    how: `${reused ? 'private node, still running' : 'private node'} in ${instance.folder}`,
    // A node takes six seconds to end gracefully; a test's data is not worth them.
    stop: (hurry) => instance.stop({ hurry, graceMs: search.purpose === 'test' ? 0 : undefined }),
  };
}

/**
 * RabbitMQ's quorum queues keep absolute paths: moved or copied data never becomes ready. And without its record
 * nobody knows the data's password. What was in the queues is in PostgreSQL as well, and is sent again from there.
 */
function rebuildWhereUnreadable(instance: Instance, search: Search): void {
  const { movedFrom, recordLost } = instance;
  if (movedFrom === undefined && !recordLost) return;
  if (existsSync(instance.inFolder('data')))
    search.log(
      (recordLost
        ? `RabbitMQ: ${instance.inFolder('instance.json')} is lost or cut short, and the password for the data beside it with it. `
        : `This checkout was moved or copied (from ${path.dirname(path.dirname(movedFrom!))}), and RabbitMQ cannot open moved data. `) +
        'Its queues are made anew; events that were not handled are sent again from PostgreSQL.',
    );
  rmSync(instance.inFolder('data'), { recursive: true, force: true });
  instance.noteQueuesLost(true);
}

async function start(script: string, instance: Instance, search: Search): Promise<void> {
  search.log(`RabbitMQ: starting a private node in ${instance.folder}`);
  await instance.stop(); // half of it may have outlived a crash: the port mapper without the node
  const base = search.purpose === 'start' ? undefined : randomPortBase();
  const ports = await instance.choosePorts({
    amqp: base ?? 55672,
    management: base ?? 55673,
    prometheus: base ?? 55674,
    distribution: base ?? 55675,
    epmd: base ?? 55676,
  });
  search.signal.throwIfAborted();
  const env = rabbitmqEnvironment(instance, ports);
  const epmd = findEpmd();
  if (epmd) {
    // Our own, in the foreground: the node would start one as a daemon that outlives it.
    const args = ['-address', '127.0.0.1', '-port', String(ports.epmd)];
    instance.remember(
      startInBackground(epmd, args, { env, logFile: instance.inFolder('epmd.log'), stopSignal: 'SIGTERM' }),
    );
  }
  instance.remember(
    startInBackground(script, [], { env, logFile: instance.inFolder('log'), stopSignal: 'SIGTERM' }),
  );
}

async function ready(instance: Instance): Promise<void> {
  await assertRabbitmqAnswers(urlOf(instance, 'amqp'));
  await assertManagementAnswers(urlOf(instance, 'management'));
}

function urlOf(instance: Instance, port: 'amqp' | 'management'): string {
  const scheme = port === 'amqp' ? 'amqp' : 'http';
  return `${scheme}://ordermesh:${instance.record.password}@127.0.0.1:${instance.record.ports[port]}`;
}
