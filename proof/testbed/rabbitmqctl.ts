import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { findRabbitmq } from '../../scripts/servers/find-binaries';
import type { Instance } from '../../scripts/servers/instance';
import { rabbitmqEnvironment } from '../../scripts/servers/rabbitmq-environment';

const ANSWER_MS = 45_000;

/** Runs rabbitmqctl for a private node. @returns what it printed @throws where it fails, or there is none */
export async function rabbitmqctl(instance: Instance, args: readonly string[]): Promise<string> {
  const server = findRabbitmq();
  if (!server) throw new Error('there is no rabbitmqctl on this machine');
  const {
    // Its own port is reckoned from the node's, and may come out above the highest that there is.
    RABBITMQ_DIST_PORT: _port,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: _args,
    ...env
  } = rabbitmqEnvironment(instance, instance.record.ports);
  const tool = path.join(path.dirname(server), 'rabbitmqctl');
  const { stdout } = await promisify(execFile)(tool, ['--quiet', ...args], {
    env,
    cwd: '/',
    timeout: ANSWER_MS,
  });
  return stdout.trim();
}
