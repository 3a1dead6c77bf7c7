import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inLocal } from '../../scripts/servers/checkout';
import { stopInstance } from '../../scripts/servers/instance';
import { outside, runFolder } from '../../scripts/servers/instance-folder';
import { describeProcess, isRunning } from '../../scripts/servers/process-identity';

interface Owner {
  pid: number;
  identity: string;
}

/** What is kept of failed runs and reports at most: the newest ones. */
const KEPT_RUNS = 2;
const KEPT_REPORTS = 20;

/** The folder of one run, `.local/chaos-<pid>`: servers' data, logs, and who runs in it. */
export interface RunFolder {
  folder: string;
  /** A file for a process's log. */
  log(name: string): string;
  /** Written down, so that a later run can end what a killed one has left behind. */
  remember(pid: number): void;
  remove(): void;
}

/** Makes the folder of this run, and cleans up after runs that were killed. */
export async function openRunFolder(): Promise<RunFolder> {
  await cleanUpDeadRuns();
  const folder = inLocal(runFolder('chaos'));
  removeRun(path.basename(folder)); // of a run long ago that had this process's number
  mkdirSync(path.join(folder, 'logs'), { recursive: true, mode: 0o755 });
  const owner = describeProcess(process.pid);
  const started: Owner[] = [];
  const save = () =>
    writeFileSync(path.join(folder, 'processes.json'), JSON.stringify({ owner, started }), { mode: 0o600 });
  save();
  return {
    folder,
    log: (name) => path.join(folder, 'logs', `${name}.log`),
    remember: (pid) => {
      started.push(describeProcess(pid));
      save();
    },
    remove: () => removeRun(path.basename(folder)),
  };
}

/** Where a run's report goes; it outlives the run's folder. */
export function reportFile(seed: number, now = new Date()): string {
  const folder = inLocal('chaos-reports');
  mkdirSync(folder, { recursive: true });
  const reports = readdirSync(folder).sort();
  for (const old of reports.slice(0, Math.max(0, reports.length - KEPT_REPORTS + 1)))
    rmSync(path.join(folder, old));
  return path.join(folder, `${now.toISOString().replaceAll(':', '-')}-seed-${seed}.json`);
}

async function cleanUpDeadRuns(): Promise<void> {
  const dead = readdirSync(inLocal())
    .filter((name) => /^chaos-\d+$/.test(name))
    .map((name) => ({ name, ...readProcesses(name) }))
    .filter(({ owner }) => !owner || !isRunning(owner));
  for (const { name, started } of dead) {
    // SIGKILL, because one may be left stopped; its number is only trusted together with its start.
    for (const one of started.filter(isRunning)) process.kill(one.pid, 'SIGKILL');
    for (const server of ['postgres', 'rabbitmq']) {
      await stopInstance(inLocal(name, server));
    }
  }
  const byAge = dead.toSorted((a, b) => b.since.localeCompare(a.since));
  for (const { name } of byAge.slice(KEPT_RUNS)) removeRun(name);
}

function readProcesses(name: string): { owner?: Owner; started: Owner[]; since: string } {
  try {
    const text = readFileSync(inLocal(name, 'processes.json'), 'utf8');
    const { owner, started } = JSON.parse(text) as { owner: Owner; started: Owner[] };
    return { owner, started, since: owner.identity };
  } catch {
    return { started: [], since: '' };
  }
}

function removeRun(name: string): void {
  for (const folder of [inLocal(name), path.join(outside, name)])
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
