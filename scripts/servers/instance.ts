import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { freePort, takePort } from './free-port';
import { type Patience, type StartedProcess, stopProcess } from './owned-process';
import { isRunning } from './process-identity';
import { cannotWrite, readStateFile, writeStateFile } from './state-file';

/** What is remembered of a private server between runs, in its own folder. */
export interface InstanceRecord {
  password: string;
  ports: Record<string, number>;
  /** Of the run that started it last; an identity, so that a reused pid is not taken for it. */
  processes: StartedProcess[];
  /** Where it was when it ran last: another place means that the checkout was moved or copied. */
  folder?: string;
  /** Of a broker: its data was lost, and what its queues held is still to be sent again. */
  queuesLost?: boolean;
}

/** The folder of one private server: its data, log, credentials, ports and process. */
export class Instance {
  readonly record: InstanceRecord;
  /** Where it was before, if it was moved or copied since it ran last. */
  readonly movedFrom: string | undefined;
  /** Its record is lost or cut short, and the data beside it has another password than the new record. */
  readonly recordLost: boolean;

  /** @throws {UserError} where the folder cannot be written to */
  constructor(readonly folder: string) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
    } catch (error) {
      throw cannotWrite(folder, error);
    }
    const known = readStateFile<InstanceRecord>(this.inFolder('instance.json'));
    this.recordLost = !isRecord(known) && existsSync(this.inFolder('data'));
    this.record = isRecord(known)
      ? known
      : { password: randomBytes(18).toString('hex'), ports: {}, processes: [] };
    this.movedFrom = known?.folder !== undefined && known.folder !== folder ? known.folder : undefined;
    // What runs, runs in the other place: it is not ours to use, or to stop.
    if (this.movedFrom !== undefined) this.record.processes = [];
    this.record.folder = folder;
    // Else only after what follows from it is done: a kill in between would hide it for ever.
    if (this.movedFrom === undefined && !this.recordLost) this.save();
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
      const owner = `${this.folder} ${name}`;
      this.record.ports[name] = last && (await takePort(last, owner)) ? last : await freePort(port, owner);
    }
    this.save();
    return this.record.ports;
  }

  /** Called right after a spawn, with nothing awaited in between, so that no kill can leave it unknown. */
  remember(started: StartedProcess): void {
    this.record.processes.push(started);
    this.save();
  }

  /** Kept until all was sent again, so that a kill in between loses nothing. */
  noteQueuesLost(queuesLost: boolean): void {
    this.record.queuesLost = queuesLost || undefined;
    this.save();
  }

  async stop(patience?: Patience): Promise<void> {
    // The last one started is the server; what it depends on goes after it.
    for (const started of this.record.processes.toReversed()) await stopProcess(started, patience);
    this.record.processes = [];
    if (existsSync(this.folder)) this.save();
  }

  private save(): void {
    writeStateFile(this.inFolder('instance.json'), JSON.stringify(this.record, null, 2));
  }
}

const isRecord = (known: InstanceRecord | undefined): known is InstanceRecord =>
  typeof known?.password === 'string' && typeof known.ports === 'object' && Array.isArray(known.processes);

/** @param fresh begin with none of its data, stopping it first where a killed run has left it running */
export async function openInstance(folder: string, fresh: boolean): Promise<Instance> {
  if (!fresh) return new Instance(folder);
  const known = readStateFile<InstanceRecord>(path.join(folder, 'instance.json'));
  if (isRecord(known)) await new Instance(folder).stop();
  rmSync(folder, { recursive: true, force: true });
  return new Instance(folder);
}

/** Stops what a run that was killed has left running in a folder, if its record can still be read. */
export async function stopInstance(folder: string): Promise<void> {
  if (isRecord(readStateFile<InstanceRecord>(path.join(folder, 'instance.json'))))
    await new Instance(folder).stop();
}
