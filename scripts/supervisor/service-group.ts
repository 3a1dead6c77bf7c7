import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../servers/search';
import { portVariable, reachedAt, type Ports } from './choose-ports';
import { type Control } from './control';
import { mainOf } from './discover-services';
import { chooseLogFormat, prettyLines } from './log-format';
import { Looks, START_MS, type Look } from './looks';
import { PAYMENT_SIMULATOR } from './payment-environment';
import { createQuiet } from './quiet';
import { ask, type Answer } from './ask-service';
import { SupervisedService } from './supervised-service';

const drainMs = 12_000;
const lookEveryMs = 5_000;

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
  /** At the process that was started last, by service. */
  private readonly looks = new Map<string, Looks>();
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
            this.looks.set(name, new Looks(instance));
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
    const deadline = AbortSignal.timeout(START_MS);
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
      throw new UserError(`Not ready within ${START_MS / 1000} s:${reasons.join('')}`);
    }
  }

  /** Resolves when they have logged nothing for a moment: what is printed then is not scrolled away at once. */
  untilQuiet(): Promise<void> {
    return this.quiet.fallen(this.options.control.stopping);
  }

  /** Replaces, until the signal, each process that runs and does not answer, or says that it cannot go on. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(lookEveryMs, undefined, { signal }).catch(() => undefined);
      await Promise.all(
        this.services.map(async (service) => {
          const looks = this.looks.get(service.name);
          const answer = await ask(`${this.healthUrl(service.name)}/healthz`);
          // While it was asked, another may have taken its place, or nobody yet.
          if (!looks || looks !== this.looks.get(service.name) || !service.isRunning) return;
          const hangs = looks.hangsAfter(this.lookOf(service.name, answer));
          if (!hangs || signal.aborted) return;
          service.replace(answer?.body.reason ? `is stuck (${answer.body.reason})` : 'does not answer');
        }),
      );
    }
  }

  private lookOf(name: string, answer: Answer | undefined): Look {
    if (!answer || !this.isOurs(name, answer)) return 'silent';
    return answer.status === 200 ? 'well' : 'stuck';
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
    this.looks.get(name)?.answered();
    if (answer.status === 200) return undefined;
    const { reasons, checks } = answer.body;
    const failed = Object.entries(checks ?? {})
      .filter(([, ok]) => !ok)
      .map(([check]) => reasons?.[check] ?? check);
    return failed.join('; ') || 'not ready';
  }

  private isOurs(name: string, { body }: Answer): boolean {
    return body.service === name && body.instance === this.looks.get(name)?.instance;
  }
}
