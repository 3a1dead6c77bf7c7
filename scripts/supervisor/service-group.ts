import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../servers/search';
import { portVariable, reachedAt, type Ports } from './choose-ports';
import { type Control } from './control';
import { mainOf } from './discover-services';
import { chooseLogFormat, prettyLines } from './log-format';
import { PAYMENT_SIMULATOR } from './payment-environment';
import { createQuiet } from './quiet';
import { ask, type Answer } from './ask-service';
import { SupervisedService } from './supervised-service';

const drainMs = 12_000;
const readyMs = 60_000;
const lookEveryMs = 5_000;
/** So many looks in a row without a good answer, and a process hangs. */
const mostMissed = 3;

export interface GroupOptions {
  control: Control;
  names: string[];
  ports: Ports;
  /** What a service is given, but for its port. */
  environment: (service: string) => NodeJS.ProcessEnv;
  /** Called with the pid whenever a service is started, the first time and later. */
  onStarted?: (name: string, pid: number) => void;
}

/** The services that one supervisor runs. */
export class ServiceGroup {
  private readonly services: SupervisedService[];
  /** Of the process that runs now, by service. */
  private readonly instances = new Map<string, string>();
  private readonly quiet = createQuiet();
  private giveUp: (why: UserError) => void = () => undefined;
  /** Rejects when a service cannot be started as things are. */
  readonly hopeless: Promise<never>;

  constructor(private readonly options: GroupOptions) {
    const { names, ports, control, environment } = options;
    this.hopeless = new Promise((_, reject) => (this.giveUp = reject));
    this.hopeless.catch(() => undefined); // it is heard where something is awaited
    const isPretty = chooseLogFormat() === 'pretty';
    const pretty = isPretty ? prettyLines(names, process.stdout.isTTY && !process.env.NO_COLOR) : undefined;
    const write = (line: string) => {
      this.quiet.heard();
      process.stdout.write(pretty ? pretty(line) : `${line}\n`);
    };
    this.services = names.map(
      (name) =>
        new SupervisedService({
          name,
          main: mainOf(name),
          env: async () => {
            const { PORT: _api, HEALTH_PORT: _health, ...rest } = environment(name);
            return { ...rest, [portVariable(name)]: String(await ports.renew(name)) };
          },
          write,
          writeError: pretty ? write : (line) => process.stderr.write(`${line}\n`),
          say: control.say,
          onStarted: (pid, instance) => {
            this.instances.set(name, instance);
            options.onStarted?.(name, pid);
          },
          onHopeless: (why) => this.giveUp(new UserError(why)),
        }),
    );
    control.hurrying.addEventListener('abort', () => this.services.forEach((service) => service.kill()), {
      once: true,
    });
  }

  start(): void {
    for (const service of this.services) service.start();
  }

  /** @throws UserError where a service cannot be started, or naming those that are not ready at the deadline */
  async untilReady(): Promise<void> {
    const deadline = AbortSignal.timeout(readyMs);
    const either = AbortSignal.any([deadline, this.options.control.stopping]);
    const waiting = new Map<string, string>();
    const waits = this.services.map(async (service) => {
      for (;;) {
        const why = await this.notReadyBecause(service.name);
        if (why === undefined) break;
        waiting.set(service.name, why);
        await delay(100, undefined, { signal: either });
      }
      waiting.delete(service.name);
      service.markReady();
    });
    try {
      await Promise.race([Promise.all(waits), this.hopeless]);
    } catch (error) {
      if (!deadline.aborted) throw error;
      const reasons = [...waiting].map(([name, why]) => `\n  ${name}: ${why}`);
      throw new UserError(`Not ready within ${readyMs / 1000} s:${reasons.join('')}`);
    }
  }

  /** Resolves when they have logged nothing for a moment: what is printed then is not scrolled away at once. */
  untilQuiet(): Promise<void> {
    return this.quiet.fallen(this.options.control.stopping);
  }

  /** Replaces, until the signal, each process that runs and does not answer, or says that it cannot go on. */
  async watch(signal: AbortSignal): Promise<void> {
    const missed = new Map<string, number>();
    while (!signal.aborted) {
      await delay(lookEveryMs, undefined, { signal }).catch(() => undefined);
      await Promise.all(
        this.services.map(async (service) => {
          const instance = this.instances.get(service.name);
          const answer = await ask(`${this.healthUrl(service.name)}/healthz`);
          const isWell = answer?.status === 200 && this.isOurs(service.name, answer);
          const count =
            isWell || instance !== this.instances.get(service.name) ? 0 : (missed.get(service.name) ?? 0) + 1;
          missed.set(service.name, count);
          if (count < mostMissed || signal.aborted) return;
          missed.set(service.name, 0);
          service.replace(answer?.body.reason ? `is stuck (${answer.body.reason})` : 'does not answer');
        }),
      );
    }
  }

  /** order-api first, so that nothing new comes in while the others finish what is in hand; last, whom they ask. */
  async stop(): Promise<void> {
    const turnOf = ({ name }: SupervisedService) =>
      name === 'order-api' ? 1 : name === PAYMENT_SIMULATOR ? 3 : 2;
    for (const turn of [1, 2, 3]) {
      const these = this.services.filter((service) => turnOf(service) === turn);
      await Promise.all(these.map((service) => service.stop(drainMs)));
    }
  }

  healthUrl(name: string): string {
    return reachedAt(name, this.options.ports.of(name));
  }

  private async notReadyBecause(name: string): Promise<string | undefined> {
    const answer = await ask(`${this.healthUrl(name)}/readyz`);
    if (!answer) return 'does not answer';
    if (!this.isOurs(name, answer)) return `somebody else answers on its port, ${this.healthUrl(name)}`;
    if (answer.status === 200) return undefined;
    const { reasons, checks } = answer.body;
    const failed = Object.entries(checks ?? {})
      .filter(([, ok]) => !ok)
      .map(([check]) => reasons?.[check] ?? check);
    return failed.join('; ') || 'not ready';
  }

  private isOurs(name: string, { body }: Answer): boolean {
    return body.service === name && body.instance === this.instances.get(name);
  }
}
