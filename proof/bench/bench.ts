import type { BenchServers } from './environment/servers';
import type { Surroundings } from '../testbed/measured-process';
import type { Scope } from '../testbed/scope';
import type { PartReport } from './report/format-report';

/** What every part is given. */
export interface Bench extends Surroundings {
  servers: BenchServers;
  /** How often each measurement is made, ours and baseline by turns. */
  rounds: number;
  /** Of one measurement: what was asked for, else the part's own. */
  seconds(fallback: number): number;
  /** Orders in the tables of the `scale` part. */
  scaleOrders: number;
  /** The mesh's rate, once it is measured. */
  meshRate?: number;
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
