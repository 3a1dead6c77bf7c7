import type { BenchServers } from '../environment/servers';
import { canReadProcesses, cpuMs } from './process-tree';

/** CPU time by process between two moments. */
export class CpuMeter {
  private readonly pids: [string, number][];
  private before: Map<string, number> = new Map();
  private used: Record<string, number> | undefined;

  constructor(servers: BenchServers, processes: readonly { name: string; pid: number }[]) {
    const { postgres, rabbitmq } = servers;
    this.pids = canReadProcesses
      ? [
          ...processes.map(({ name, pid }): [string, number] => [name, pid]),
          ...(postgres.pid ? [['PostgreSQL', postgres.pid] as [string, number]] : []),
          ...(rabbitmq.pid ? [['RabbitMQ', rabbitmq.pid] as [string, number]] : []),
          ['bench itself', process.pid],
        ]
      : [];
  }

  begin(): void {
    this.before = this.read();
  }

  end(): void {
    this.used = Object.fromEntries(
      [...this.read()].map(([name, ms]) => [name, ms - (this.before.get(name) ?? 0)]),
    );
  }

  /** Milliseconds of each process for one of so many orders. */
  per(orders: number): Record<string, number> | undefined {
    if (!this.used || this.pids.length === 0) return undefined;
    return Object.fromEntries(Object.entries(this.used).map(([name, ms]) => [name, ms / orders]));
  }

  /** What is missing from it. */
  remarks(): string[] {
    if (!canReadProcesses) return ['CPU by process is told on Linux alone'];
    const servers = ['PostgreSQL', 'RabbitMQ'].filter((name) => !this.pids.some(([one]) => one === name));
    return servers.length > 0 ? [`no CPU is told of ${servers.join(' and ')}, which run in containers`] : [];
  }

  private read(): Map<string, number> {
    // The bench's own children are told apart, and are not counted with it.
    return new Map(this.pids.map(([name, pid]) => [name, pid === process.pid ? ownMs() : cpuMs(pid)]));
  }
}

function ownMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
