import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { checkout } from '../../scripts/servers/checkout';
import { freePort, randomPortBase } from '../../scripts/servers/free-port';
import { nodeArguments } from '../../scripts/supervisor/node-arguments';
import { waitUntil } from '../../scripts/servers/wait-until';
import type { Bench } from '../bench';
import type { Scope } from './scope';

const DRAIN_MS = 12_000;
const READY_MS = 60_000;

/** A process that takes part in a measurement. */
export interface BenchProcess {
  name: string;
  pid: number;
  child: ChildProcess;
  /** Drains; when it takes too long, it is killed. */
  stop(): Promise<void>;
}

export interface ServiceProcess extends BenchProcess {
  /** Where it answers over HTTP. */
  url: string;
}

/**
 * Starts compiled code as `npm start` starts a service: same flags, a process group of its own, and an IPC
 * channel with whose end it ends. What it logs is written to /dev/null, or to a file with `--logs`.
 * @param file below dist/
 */
export function startProcess(
  bench: Bench,
  scope: Scope,
  name: string,
  file: string,
  env: Record<string, string> = {},
): BenchProcess {
  bench.control.stopping.throwIfAborted();
  const output = openSync(bench.logFile(name), 'a');
  const profile = bench.profiles === undefined ? [] : profiling(bench.profiles, name);
  const main = path.join(checkout, 'dist', file);
  const child = spawn(process.execPath, [...nodeArguments, ...profile, main], {
    // What the user's shell has set for a mesh of theirs is not meant for this one.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LOG_LEVEL: 'info', ...env },
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  let stopping = false;
  child.on('error', (error) => scope.fail(error));
  const gone = once(child, 'exit').then(([code, signal]) => {
    if (!stopping)
      scope.fail(new Error(`${name} ended (${signal ?? code}); run it again with --logs to see why`));
  });
  if (child.pid === undefined) throw new Error(`${name} could not be started`);
  bench.remember(child.pid);
  return scope.own({
    name,
    pid: child.pid,
    child,
    stop: async () => {
      stopping = true;
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS);
      await gone;
      clearTimeout(late);
    },
  });
}

/** It is written when the process ends by itself. */
const profiling = (folder: string, name: string): string[] => [
  '--cpu-prof',
  `--cpu-prof-dir=${folder}`,
  `--cpu-prof-name=${name.replaceAll(' ', '-')}-${Date.now()}.cpuprofile`,
];

/** Starts a service of the mesh, or what stands in for one, and waits until it is ready. */
export async function startService(
  bench: Bench,
  scope: Scope,
  service: string,
  env: Record<string, string>,
  file = path.join(service, 'main.js'),
): Promise<ServiceProcess> {
  const port = await freePort(randomPortBase());
  const url = `http://127.0.0.1:${port}`;
  const started = startProcess(bench, scope, service, file, {
    ...env,
    PORT: String(port), // of order-api and what stands in for it
    HEALTH_PORT: String(port),
  });
  const ask = async () => {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`answers ${response.status}`);
  };
  await scope.unlessBroken(
    waitUntil(ask, { what: `${service} to be ready`, timeoutMs: READY_MS, signal: bench.control.stopping }),
  );
  return Object.assign(started, { url });
}
