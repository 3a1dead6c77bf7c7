import { type ChildProcess, spawn } from 'node:child_process';
import { nodeArguments } from './node-arguments';
import { prefixLines } from './prefixed-output';

export interface ServiceOptions {
  name: string;
  main: string;
  env: NodeJS.ProcessEnv;
  prefix: string;
  /** Its log. */
  write: (line: string) => void;
  /** What the supervisor has to say about it. */
  say: (line: string) => void;
  onStarted: (pid: number) => void;
}

const firstDelayMs = 250;
const longestDelayMs = 10_000;
/** One that ran this long has not died of the same thing at once again: begin anew with short delays. */
const healthyAfterMs = 30_000;

/** One service's process, started again whenever it ends without having been told to. */
export class SupervisedService {
  private child: ChildProcess | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopping = false;
  private failures = 0;

  constructor(private readonly options: ServiceOptions) {}

  get name(): string {
    return this.options.name;
  }

  start(): void {
    const { main, env, prefix, write } = this.options;
    const startedAt = Date.now();
    // A process group of its own, so that a terminal's Ctrl-C reaches only the supervisor. The IPC
    // channel carries nothing: when it closes, the supervisor is gone, and the service drains and ends.
    const child = spawn(process.execPath, [...nodeArguments, main], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    prefixLines(child.stdout!, prefix, write);
    prefixLines(child.stderr!, prefix, write);
    child.on('error', (error) => this.options.say(`${this.name}: ${error.message}`));
    child.once('exit', (code, signal) => this.ended(code, signal, Date.now() - startedAt));
    if (child.pid !== undefined) this.options.onStarted(child.pid);
  }

  /** Lets it drain; after `graceMs` it is killed. Resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    const child = this.child;
    if (!child || hasEnded(child)) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
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

  private ended(code: number | null, signal: NodeJS.Signals | null, ranMs: number): void {
    const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
    if (this.stopping) {
      if (code !== 0) this.options.say(`${this.name} ${how} while it was stopping`);
      return;
    }
    this.failures = ranMs > healthyAfterMs ? 0 : this.failures;
    const delayMs = restartDelay(this.failures);
    this.failures += 1;
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
