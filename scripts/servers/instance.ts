import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort, isFree } from './free-port';
import { type Patience, type StartedProcess, stopProcess } from './owned-process';
import { isRunning } from './process-identity';

/** What is remembered of a private server between runs, in its own folder. */
export interface InstanceRecord {
  password: string;
  ports: Record<string, number>;
  /** Of the run that started it last; an identity, so that a reused pid is not taken for it. */
  processes: StartedProcess[];
}

/** The folder of one private server: its data, log, credentials, ports and process. */
export class Instance {
  readonly record: InstanceRecord;

  constructor(readonly folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const file = this.inFolder('instance.json');
    this.record = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as InstanceRecord)
      : { password: randomBytes(18).toString('hex'), ports: {}, processes: [] };
    this.save();
  }

  inFolder(...segments: string[]): string {
    return path.join(this.folder, ...segments);
  }

  /** True when a run that was killed has left it running. */
  get running(): boolean {
    return this.record.processes.length > 0 && this.record.processes.every(isRunning);
  }

  /** The ports of the last run where they are still free, else the next free ones. */
  async choosePorts(preferred: Record<string, number>): Promise<Record<string, number>> {
    for (const [name, port] of Object.entries(preferred)) {
      const last = this.record.ports[name];
      this.record.ports[name] = last && (await isFree(last)) ? last : await freePort(port);
    }
    this.save();
    return this.record.ports;
  }

  /** Called right after a spawn, with nothing awaited in between, so that no kill can leave it unknown. */
  remember(started: StartedProcess): void {
    this.record.processes.push(started);
    this.save();
  }

  async stop(patience?: Patience): Promise<void> {
    // The last one started is the server; what it depends on goes after it.
    for (const started of this.record.processes.toReversed()) await stopProcess(started, patience);
    this.record.processes = [];
    if (existsSync(this.folder)) this.save();
  }

  private save(): void {
    const file = this.inFolder('instance.json');
    writeFileSync(`${file}.new`, JSON.stringify(this.record, null, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}

/** @param fresh begin with none of its data, stopping it first where a killed run has left it running */
export async function openInstance(folder: string, fresh: boolean): Promise<Instance> {
  const instance = new Instance(folder);
  if (!fresh) return instance;
  await instance.stop();
  rmSync(folder, { recursive: true, force: true });
  return new Instance(folder);
}
