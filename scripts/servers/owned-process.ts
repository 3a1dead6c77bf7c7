import { type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describeProcess, isRunning } from './process-identity';

/** A background process that we started, written down so that a later run can stop it. */
export interface StartedProcess {
  pid: number;
  identity: string;
  /** Its graceful shutdown. */
  stopSignal: 'SIGINT' | 'SIGTERM';
}

export interface BackgroundOptions extends Pick<SpawnOptions, 'env' | 'uid' | 'gid'> {
  logFile: string;
  stopSignal: StartedProcess['stopSignal'];
}

/**
 * Starts a server in a process group of its own, so that a terminal's Ctrl-C
 * reaches only us, who stop things in order.
 */
export function startInBackground(
  program: string,
  args: string[],
  options: BackgroundOptions,
): StartedProcess {
  const log = openSync(options.logFile, 'w', 0o600);
  const { env, uid, gid } = options;
  const child = spawn(program, args, {
    env,
    uid,
    gid,
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.on('error', () => undefined); // no pid then; see below
  child.unref();
  if (child.pid === undefined) throw new Error(`${program} could not be started`);
  return { ...describeProcess(child.pid), stopSignal: options.stopSignal };
}

/** How long a graceful end is waited for. */
export interface Patience {
  graceMs?: number;
  /** Ends the wait when it is aborted. */
  hurry?: AbortSignal;
}

/** Asks for a graceful end, and when patience is over insists. Bounded; fine when it is gone already. */
export async function stopProcess(
  started: StartedProcess,
  { graceMs = 15_000, hurry }: Patience = {},
): Promise<void> {
  if (!isRunning(started)) return;
  process.kill(started.pid, started.stopSignal);
  if (await gone(started, graceMs, hurry)) return;
  process.kill(-started.pid, 'SIGKILL'); // its whole group: we made it the leader
  await gone(started, 5000);
}

async function gone(started: StartedProcess, withinMs: number, hurry?: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (isRunning(started)) {
    if (Date.now() > deadline || hurry?.aborted) return false;
    await delay(50);
  }
  return true;
}

/** The end of a log, for an error message. */
export function tailOf(file: string, lines = 15): string {
  if (!existsSync(file)) return '';
  const tail = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines);
  return `The end of ${file}:\n${tail.map((line) => `    ${line}`).join('\n')}`;
}
