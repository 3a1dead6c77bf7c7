import type { Control } from '../scripts/supervisor/control';
import type { BenchServers } from './environment/servers';
import type { Scope } from './environment/scope';
import type { PartReport } from './report/format-report';

/** What every part is given. */
export interface Bench {
  servers: BenchServers;
  control: Control;
  /** How often each measurement is made, ours and baseline by turns. */
  rounds: number;
  /** Of one measurement: what was asked for, else the part's own. */
  seconds(fallback: number): number;
  /** Orders in the tables of the `scale` part. */
  scaleOrders: number;
  /** The mesh's rate, once it is measured. */
  meshRate?: number;
  /** Where a process writes its log. */
  logFile(name: string): string;
  /** Where the processes' CPU profiles go, if they are to be made. */
  profiles: string | undefined;
  /** So that a later run can end what a killed one has left. */
  remember(pid: number): void;
}

/** What a part finds out by itself. */
export type Findings = Omit<PartReport, 'part' | 'tookMs' | 'loadBefore' | 'fdatasyncPerSecond'>;

export interface Part {
  name: string;
  /** For `--help`. */
  what: string;
  /** Only with `--long`, or when it is asked for by name. */
  long?: true;
  run(bench: Bench, scope: Scope): Promise<Findings>;
}
