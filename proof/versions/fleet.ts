import type { Scope } from '../testbed/scope';
import { startService, type ServiceProcess, type Surroundings } from '../testbed/measured-process';
import { mainOf } from '../../scripts/supervisor/discover-services';
import type { Version } from '../testbed/prepare-version';

/** An instance of a service, of one of the versions. */
export interface Instance {
  service: string;
  version: Version;
  process: ServiceProcess;
}

/** All that runs, of whichever version. */
export class Fleet {
  private readonly all = new Set<Instance>();
  /** The instances of order-api that a proxy would send requests to. */
  private readonly doors = new Set<Instance>();

  constructor(
    private readonly run: Surroundings,
    private readonly scope: Scope,
    /** What a version's instances are told. */
    private readonly environmentOf: (version: Version) => Record<string, string>,
  ) {}

  readonly doorUrls = (): string[] => [...this.doors].map(({ process }) => process.url);

  of = (service: string): Instance[] => [...this.all].filter((one) => one.service === service);

  count = (version: Version): number => [...this.all].filter((one) => one.version === version).length;

  get services(): string[] {
    return [...new Set([...this.all].map(({ service }) => service))];
  }

  /** Starts one more, and waits until it is ready. */
  async start(service: string, version: Version): Promise<Instance> {
    const main = mainOf(service, version.dist);
    const process = await startService(this.run, this.scope, service, this.environmentOf(version), main);
    const instance = { service, version, process };
    this.all.add(instance);
    if (service === 'order-api') this.doors.add(instance);
    return instance;
  }

  /**
   * Lets it finish its work; it has to leave by itself, and in peace. A proxy knows first, and is served to the end, as
   * with LEAVE_AFTER or a `preStop` hook: a listener that closes resets what the kernel has accepted for it.
   */
  async stop(instance: Instance, served: (url: string) => Promise<void>): Promise<void> {
    if (this.doors.delete(instance)) await served(instance.process.url);
    await instance.process.stop();
    this.all.delete(instance);
    const { exitCode, signalCode } = instance.process.child;
    if (exitCode !== 0)
      throw new Error(
        `${instance.service} of ${instance.version.name} did not leave in peace: ${signalCode ?? `exit code ${exitCode}`}`,
      );
  }
}
