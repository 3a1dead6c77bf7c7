import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../servers/search';
import { portVariable } from './choose-ports';
import { type Control } from './control';
import { mainOf } from './discover-services';
import { PAYMENT_SIMULATOR } from './payment-environment';
import { prefixes } from './prefixed-output';
import { SupervisedService } from './supervised-service';

const drainMs = 12_000;
const readyMs = 60_000;

export interface GroupOptions {
  control: Control;
  ports: Record<string, number>;
  /** What a service is given, but for its port. */
  environment: (service: string) => NodeJS.ProcessEnv;
  /** Called with the pid whenever a service is started, the first time and later. */
  onStarted?: (name: string, pid: number) => void;
}

/** The services that one supervisor runs. */
export class ServiceGroup {
  private readonly services: SupervisedService[];

  constructor(private readonly options: GroupOptions) {
    const { ports, control, environment } = options;
    const names = Object.keys(ports);
    const prefix = prefixes(names, process.stdout.isTTY && !process.env.NO_COLOR);
    this.services = names.map((name) => {
      const { PORT: _api, HEALTH_PORT: _health, ...rest } = environment(name);
      return new SupervisedService({
        name,
        main: mainOf(name),
        env: { ...rest, [portVariable(name)]: String(ports[name]) },
        prefix: prefix[name]!,
        write: (line) => process.stdout.write(line),
        say: control.say,
        onStarted: (pid) => options.onStarted?.(name, pid),
      });
    });
    control.hurrying.addEventListener('abort', () => this.services.forEach((service) => service.kill()), {
      once: true,
    });
  }

  start(): void {
    for (const service of this.services) service.start();
  }

  /** @throws UserError naming the services that are not ready at the deadline */
  async untilReady(): Promise<void> {
    const deadline = AbortSignal.timeout(readyMs);
    const either = AbortSignal.any([deadline, this.options.control.stopping]);
    const waiting = new Set(this.services.map((service) => service.name));
    const waits = [...waiting].map(async (name) => {
      while (!(await isReady(this.healthUrl(name)))) await delay(100, undefined, { signal: either });
      waiting.delete(name);
    });
    try {
      await Promise.all(waits);
    } catch (error) {
      if (!deadline.aborted) throw error;
      throw new UserError(
        `Not ready within ${readyMs / 1000} s: ${[...waiting].join(', ')}. See the log above.`,
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
    return `http://127.0.0.1:${this.options.ports[name]}`;
  }
}

async function isReady(origin: string): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/readyz`, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
