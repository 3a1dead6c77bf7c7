import { createWriteStream, type WriteStream } from 'node:fs';
import path from 'node:path';
import { portVariable } from '../../scripts/supervisor/choose-ports';
import { mainOf } from '../../scripts/supervisor/discover-services';
import { SupervisedService } from '../../scripts/supervisor/supervised-service';
import { freePort, randomPortBase } from '../../scripts/servers/free-port';
import { describeProcess, isRunning } from '../../scripts/servers/process-identity';
import { startProxy, type TcpProxy } from '../../shared/testing/tcp-proxy';
import type { ServerName } from './breakable-server';
import type { RunFolder } from './run-folder';

/** The log of one process is cut off here: a run's disk is bounded. */
const MOST_LOG_BYTES = 64 * 1024 * 1024;
const DRAIN_MS = 12_000;

/** What a process may have a connection to, and the variable that says where it is. */
const linkVariables = {
  postgres: 'DATABASE_URL',
  rabbitmq: 'RABBITMQ_URL',
  gateway: 'PAYMENT_SIMULATOR_URL',
} as const satisfies Record<ServerName | 'gateway', string>;
export type LinkName = keyof typeof linkVariables;

/** One process of a service, started again whenever it dies, with proxies of its own before all it talks to. */
export interface MeshProcess {
  /** `status-service-2` */
  readonly name: string;
  readonly service: string;
  /** Where it answers over HTTP. */
  readonly url: string;
  readonly links: Partial<Record<LinkName, TcpProxy>>;
  /** How it ended each time that nobody here had killed it. */
  readonly deaths: readonly string[];
  /** kill -9; it is started again. */
  kill(): void;
  /** SIGSTOP. @returns how to let that very process go on */
  freeze(): () => void;
  /** kill -9; it is started again with a clock that is off by so much, and so is each after it. 0: with a right one. */
  shiftClock(offsetMs: number): void;
  stop(): Promise<void>;
  killForGood(): void;
}

export interface ProcessOptions {
  service: string;
  index: number;
  /** What is run; this version's, if absent. */
  main?: string | undefined;
  /** The urls of what it is to reach. */
  reaches: Partial<Record<LinkName, string>>;
  environment: Record<string, string>;
  folder: RunFolder;
  /** Told each line of its log. */
  onLine: (process: string, line: string) => void;
  say: (line: string) => void;
}

export async function startMeshProcess(options: ProcessOptions): Promise<MeshProcess> {
  const { service, index, folder } = options;
  const name = `${service}-${index}`;
  const links: MeshProcess['links'] = {};
  const urls: Record<string, string> = {};
  for (const [link, url] of Object.entries(options.reaches) as [LinkName, string][]) {
    const proxy = await startProxy(url);
    links[link] = proxy;
    urls[linkVariables[link]] = proxy.url;
  }
  const port = await freePort(randomPortBase());
  const log = boundedLog(createWriteStream(folder.log(name), { flags: 'a' }));
  let current = { pid: 0, identity: 'none' };
  let killed = false;
  let clockOffsetMs = 0;
  const deaths: string[] = [];
  let lastWords = '';
  const supervised = new SupervisedService({
    name,
    main: options.main ?? mainOf(service),
    env: () => ({
      ...ownEnvironment(),
      ...options.environment,
      ...urls,
      ...(clockOffsetMs === 0 ? {} : shiftedClock(clockOffsetMs)),
      [portVariable(service)]: String(port),
    }),
    write: (line) => {
      log.write(`${line}\n`);
      if (line.includes('"level":"fatal"')) lastWords = line.slice(0, 400);
      options.onLine(name, line);
    },
    writeError: (line) => log.write(`${line}\n`),
    say: (line) => {
      log.write(`${line}\n`);
      // What it says of any other matter, such as a slow end, is in its log.
      if (!killed && /ended.*restarting/.test(line)) {
        deaths.push([line.split(';')[0], lastWords].filter(Boolean).join(': '));
        options.say(line);
      }
      killed = false;
    },
    onStarted: (pid) => {
      current = describeProcess(pid);
      folder.remember(pid);
    },
  });
  supervised.start();
  const signal = (which: NodeJS.Signals, target = current) => {
    if (isRunning(target)) process.kill(target.pid, which);
  };
  const kill = () => {
    killed = true;
    signal('SIGKILL');
  };
  return {
    name,
    service,
    url: `http://127.0.0.1:${port}`,
    links,
    deaths,
    kill,
    freeze: () => {
      const frozen = current;
      signal('SIGSTOP', frozen);
      return () => signal('SIGCONT', frozen);
    },
    shiftClock: (offsetMs) => {
      clockOffsetMs = offsetMs;
      kill();
    },
    stop: async () => {
      signal('SIGCONT');
      await supervised.stop(DRAIN_MS);
      await Promise.all(Object.values(links).map((link) => link.close()));
      log.end();
    },
    killForGood: () => {
      killed = true;
      supervised.kill();
    },
  };
}

/** What the user's shell has set for a mesh of theirs is not meant for this one. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TZ, TMPDIR } = process.env;
  return { PATH, HOME, LANG, TZ, TMPDIR };
}

const shiftedClock = (offsetMs: number): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: `--require ${JSON.stringify(path.join(__dirname, 'shift-clock.js'))}`,
  CLOCK_OFFSET_MS: String(offsetMs),
});

function boundedLog(stream: WriteStream): { write(text: string): void; end(): void } {
  let bytes = 0;
  stream.on('error', () => undefined); // a full disk must not end the run before it has cleaned up
  return {
    write: (text) => {
      if (bytes > MOST_LOG_BYTES) return;
      bytes += text.length;
      stream.write(bytes > MOST_LOG_BYTES ? '(the rest is left out: too long)\n' : text);
    },
    end: () => stream.end(),
  };
}
