import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerRuntimeClient } from 'testcontainers';
import { isFree } from './free-port';
import { NotAvailable } from './search';
import { messageOf } from './wait-until';

const answerWithinMs = 5000;

let engine: Promise<ContainerRuntimeClient> | undefined;

/**
 * The Docker engine, as Testcontainers finds it; asked for once.
 * @throws NotAvailable where none answers, or one on another machine: ports are published on loopback only
 */
export function dockerEngine(): Promise<ContainerRuntimeClient> {
  engine ??= connect();
  return engine;
}

async function connect(): Promise<ContainerRuntimeClient> {
  if (!mayBeThere()) throw new NotAvailable('no Docker engine answers');
  let client: ContainerRuntimeClient;
  try {
    // Loaded only where it is needed: it takes half a second, and an installation
    // without the development dependencies does not have it.
    const { getContainerRuntimeClient } = await import('testcontainers');
    client = await Promise.race([getContainerRuntimeClient(), tooLate()]);
  } catch (error) {
    throw new NotAvailable(`no Docker engine answers (${messageOf(error)})`);
  }
  const { host } = client.info.containerRuntime;
  // Where /.dockerenv exists Testcontainers names the bridge's gateway, which is this
  // machine unless we are in a container: then nobody can listen on it here.
  if (!/^(localhost|127\.|::1$)/.test(host) && !(await isFree(0, host)))
    throw new NotAvailable(`the Docker engine is on another machine (${host})`);
  return client;
}

/** Cheap, so that nothing is lost where there is none: the places where Testcontainers would look. */
function mayBeThere(): boolean {
  if (process.env.DOCKER_HOST) return true;
  const home = homedir();
  return [
    '/var/run/docker.sock',
    path.join(process.env.XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.()}`, 'docker.sock'),
    path.join(home, '.docker', 'run', 'docker.sock'),
    path.join(home, '.docker', 'desktop', 'docker.sock'),
    path.join(home, '.testcontainers.properties'),
  ].some((file) => existsSync(file));
}

async function tooLate(): Promise<never> {
  await delay(answerWithinMs, undefined, { ref: false });
  throw new Error(`no answer within ${answerWithinMs / 1000} s`);
}
