import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { EXIT } from '../../shared/service/exit-codes';
import { nodeArguments } from './node-arguments';
import { eachLine } from './each-line';

export interface ServiceOptions {
  name: string;
  main: string;
  /** Asked at each start: a port may have to be chosen anew. */
  env: () => Promise<NodeJS.ProcessEnv> | NodeJS.ProcessEnv;
  /** A line of its log, without the line's end. */
  write: (line: string) => void;
  /** A line that it, or Node.js, wrote to standard error. */
  writeError: (line: string) => void;
  /** What the supervisor has to say about it. */
  say: (line: string) => void;
  onStarted: (pid: number, instance: string) => void;
  /** It cannot run as it is, and starting it again would not help; the message says why. */
  onHopeless?: (why: string) => void;
}

const firstDelayMs = 250;
const longestDelayMs = 10_000;
/** One that ran this long has not died of the same thing at once again: begin anew with short delays. */
const healthyAfterMs = 30_000;
/** One that has never been ready, and died so often, will not be. */
const hopelessAfter = 4;

/** One service's process, started again whenever it ends without having been told to. */
export class SupervisedService {
  private child: ChildProcess | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopping = false;
  private failures = 0;
  private wasReady = false;
  /** What it said of its end. */
  private lastWords = '';

  constructor(private readonly options: ServiceOptions) {}

  get name(): string {
    return this.options.name;
  }

  /** Whether there is a process now: between two there is none. */
  get isRunning(): boolean {
    return this.child !== undefined && !hasEnded(this.child);
  }

  start(): void {
    void this.spawn().catch((error: unknown) => {
      // No port, no memory, no file descriptor: there may be one later.
      this.lastWords = (error as Error).message;
      if (!this.stopping) this.again(`could not be started (${this.lastWords})`, 0);
    });
  }

  /** From now on it is started again whatever it ends with: it has shown that it can run. */
  markReady(): void {
    this.wasReady = true;
  }

  private async spawn(): Promise<void> {
    const { main, write, writeError } = this.options;
    const instance = randomUUID();
    const env = { ...(await this.options.env()), ORDERMESH_INSTANCE: instance };
    if (this.stopping) return;
    const startedAt = Date.now();
    this.lastWords = '';
    // A process group of its own, so that a terminal's Ctrl-C reaches only the supervisor. The IPC
    // channel carries nothing: when it closes, the supervisor is gone, and the service drains and ends.
    const child = spawn(process.execPath, [...nodeArguments, main], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    child.on('error', (error) => {
      this.lastWords = error.message;
      this.options.say(`${this.name}: ${error.message}`);
    });
    // "close", and not "exit": by then its last words have been read.
    child.once('close', (code, signal) => this.ended(code, signal, Date.now() - startedAt));
    if (child.pid === undefined) return; // the machine is out of processes or file descriptors: there are no pipes
    eachLine(child.stdout!, (line) => {
      this.lastWords = fatalMessage(line) ?? this.lastWords;
      write(line);
    });
    eachLine(child.stderr!, (line) => {
      if (/^\w*Error\b/.test(line)) this.lastWords = line;
      writeError(line);
    });
    this.options.onStarted(child.pid, instance);
  }

  /** Lets it drain; after `graceMs` it is killed. Resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    const child = this.child;
    if (!child || hasEnded(child)) return;
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.kill('SIGTERM');
    child.kill('SIGCONT'); // one that was stopped could not drain
    const deadline = setTimeout(() => {
      this.options.say(`${this.name} did not drain within ${Math.round(graceMs / 1000)} s: killing it`);
      child.kill('SIGKILL');
    }, graceMs);
    await gone;
    clearTimeout(deadline);
  }

  kill(): void {
    this.stopping = true;
    clearTimeout(this.timer);
    this.child?.kill('SIGKILL');
  }

  /** Kills the process, so that a new one takes its place. */
  replace(why: string): void {
    this.options.say(`${this.name} ${why}: killing it, to start it anew`);
    this.child?.kill('SIGKILL');
  }

  private ended(code: number | null, signal: NodeJS.Signals | null, ranMs: number): void {
    const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
    if (this.stopping) {
      if (code !== 0) this.options.say(`${this.name} ${how} while it was stopping`);
      return;
    }
    this.again(how, ranMs, code);
  }

  private again(how: string, ranMs: number, code?: number | null): void {
    this.failures = ranMs > healthyAfterMs ? 0 : this.failures;
    const delayMs = restartDelay(this.failures);
    this.failures += 1;
    const hopeless = code === EXIT.configuration || this.failures >= hopelessAfter;
    if (!this.wasReady && hopeless && this.options.onHopeless)
      return this.options.onHopeless(`${this.name} cannot start. ${this.lastWords || `It ${how}.`}`);
    this.options.say(`${this.name} ${how}; restarting it in ${delayMs} ms`);
    this.timer = setTimeout(() => this.start(), delayMs);
  }
}

/** Quick at first, because most crashes are one-off; capped, because a broken service would only fill the log. */
export function restartDelay(failures: number): number {
  return Math.min(longestDelayMs, firstDelayMs * 2 ** failures);
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** What a service says before it ends by itself. */
function fatalMessage(line: string): string | undefined {
  if (!line.includes('"level":"fatal"')) return undefined;
  try {
    const { msg, err } = JSON.parse(line) as { msg?: string; err?: { message?: string } };
    return [msg, err?.message].filter(Boolean).join(': ');
  } catch {
    return undefined;
  }
}
