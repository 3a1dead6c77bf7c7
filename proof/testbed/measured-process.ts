import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { checkout } from '../../scripts/servers/checkout';
import { freePort, randomPortBase } from '../../scripts/servers/free-port';
import { nodeArguments } from '../../scripts/supervisor/node-arguments';
import type { Control } from '../../scripts/supervisor/control';
import { giveWay } from './give-way';
import type { Scope } from './scope';
import { untilReady } from './until-ready';

const DRAIN_MS = 12_000;
const READY_MS = 120_000;

/** What a run gives to its processes. */
export interface Surroundings {
  control: Control;
  /** Where a process writes its log. */
  logFile(name: string): string;
  /** Where the processes' CPU profiles go, if they are to be made. */
  profiles: string | undefined;
  /** So that a later run can end what a killed one has left. */
  remember(pid: number): void;
  /** Who gives way where there is not enough CPU for all; nobody, unless it is said. */
  givesWay?(name: string): boolean;
}

/** A process that takes part in a measurement. */
export interface MeasuredProcess {
  name: string;
  pid: number;
  child: ChildProcess;
  /** Drains; when it takes too long, it is killed. */
  stop(): Promise<void>;
}

export interface ServiceProcess extends MeasuredProcess {
  /** Where it answers over HTTP. */
  url: string;
}

/**
 * Starts compiled code as `npm start` starts a service: same flags, a process group of its own, and an IPC
 * channel with whose end it ends. What it logs is written to /dev/null, or to a file with `--logs`.
 * @param file below dist/, or an absolute path
 */
export function startProcess(
  run: Surroundings,
  scope: Scope,
  name: string,
  file: string,
  env: Record<string, string> = {},
): MeasuredProcess {
  run.control.stopping.throwIfAborted();
  const output = openSync(run.logFile(name), 'a');
  const profile = run.profiles === undefined ? [] : profiling(run.profiles, name);
  const main = path.resolve(checkout, 'dist', file);
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
  run.remember(child.pid);
  if (run.givesWay?.(name)) giveWay(child.pid);
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
  run: Surroundings,
  scope: Scope,
  service: string,
  env: Record<string, string>,
  file = path.join(service, 'main.js'),
): Promise<ServiceProcess> {
  const port = await freePort(randomPortBase());
  const url = `http://127.0.0.1:${port}`;
  const started = startProcess(run, scope, service, file, {
    ...env,
    PORT: String(port), // of order-api and what stands in for it
    HEALTH_PORT: String(port),
  });
  await scope.unlessBroken(untilReady(service, url, { timeoutMs: READY_MS, signal: run.control.stopping }));
  return Object.assign(started, { url });
}
