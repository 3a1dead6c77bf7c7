import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { foldersWith } from '../service/service-folders';
import { until } from './until';

export interface LogLine {
  level: string;
  service: string;
  msg: string;
  [field: string]: unknown;
}

/** A real process of a service, as it is deployed: the compiled code under `dist/`. */
export interface ServiceProcess {
  name: string;
  /** Where it answers over HTTP: the API, or its health. */
  url: string;
  pid: number;
  /** What it has logged so far. */
  log: LogLine[];
  /** Every line that it wrote, as it wrote it, to standard output and error. */
  written: string[];
  /** Asks it to stop. @returns its exit code */
  stop(): Promise<number | null>;
  /** kill -9 */
  kill(): Promise<void>;
}

/** Starts a service, or what is in another folder, and waits until it says that it is ready. */
export async function startService(
  name: string,
  environment: Record<string, string>,
): Promise<ServiceProcess> {
  const folder = foldersWith('main.js', resolve('dist')).find((one) => one.name === name)?.path ?? name;
  const child = spawn(process.execPath, [join(resolve('dist'), folder, 'main.js')], {
    env: { PATH: process.env.PATH, PORT: '0', HEALTH_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'], // the service ends with this process, however that ends
  });
  const log: LogLine[] = [];
  const written: string[] = [];
  createInterface({ input: child.stdout as Readable }).on('line', (line) => {
    written.push(line);
    log.push(JSON.parse(line) as LogLine);
  });
  createInterface({ input: child.stderr as Readable }).on('line', (line) => {
    written.push(line);
    process.stderr.write(`${line}\n`);
  });
  const exited = once(child, 'close'); // not its exit: the last that it wrote is read by then
  const running = () => child.exitCode === null && child.signalCode === null;
  const dead = () => !running() && new Error(`${name} ended: ${log.at(-1)?.msg ?? 'it logged nothing'}`);
  const port = await until(
    `${name} to start`,
    () => dead() || log.map((line) => (line.port ?? line.health_port) as number | undefined).find(Boolean),
    60_000,
  );
  if (port instanceof Error) throw port;
  const url = `http://127.0.0.1:${port}`;
  const ready = await until(
    `${name} to be ready`,
    async () => dead() || (await fetch(`${url}/readyz`)).ok,
    60_000,
  );
  if (ready instanceof Error) throw ready;
  return {
    name,
    url,
    pid: child.pid ?? 0,
    log,
    written,
    stop: () => end(child, 'SIGTERM', exited),
    kill: async () => void (await end(child, 'SIGKILL', exited)),
  };
}

async function end(
  child: ChildProcess,
  signal: NodeJS.Signals,
  exited: Promise<unknown[]>,
): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  await exited;
  return child.exitCode;
}
