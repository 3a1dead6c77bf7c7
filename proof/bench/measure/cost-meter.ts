import type { BenchServers } from '../environment/servers';
import type { World } from '../environment/world';
import { CpuMeter } from './cpu-meter';

/** What one order costs. */
export interface Cost {
  /** CPU milliseconds of all processes, PostgreSQL and RabbitMQ included; undefined where that cannot be told. */
  cpuMs: number | undefined;
  /** By process. */
  cpuMsBy: Record<string, number> | undefined;
  /** Written to PostgreSQL's write-ahead log. */
  walBytes: number;
}

/** CPU time and write-ahead log between two moments, of all but the bench. */
export class CostMeter {
  private readonly cpu: CpuMeter;
  private wal: Promise<bigint>[] = [];

  constructor(
    servers: BenchServers,
    processes: readonly { name: string; pid: number }[],
    private readonly world: Pick<World, 'query'>,
  ) {
    this.cpu = new CpuMeter(servers, processes);
  }

  begin(): void {
    this.wal = [this.written()];
    this.cpu.begin();
  }

  end(): void {
    this.cpu.end();
    this.wal.push(this.written());
  }

  async per(orders: number): Promise<Cost> {
    const [before = 0n, after = 0n] = await Promise.all(this.wal);
    const cpuMsBy = this.cpu.per(orders);
    delete cpuMsBy?.['bench itself'];
    return {
      cpuMs: cpuMsBy && Object.values(cpuMsBy).reduce((sum, ms) => sum + ms, 0),
      cpuMsBy,
      walBytes: Number(after - before) / orders,
    };
  }

  private async written(): Promise<bigint> {
    const [row] = await this.world.query<{ bytes: string }>(
      `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text AS bytes`,
    );
    return BigInt(row?.bytes ?? 0);
  }
}
