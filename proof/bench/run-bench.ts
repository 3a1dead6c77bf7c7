import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import path from 'node:path';
import { openRunFolder } from '../testbed/run-folder';
import { inLocal } from '../../scripts/servers/checkout';
import { messageOf } from '../../scripts/servers/wait-until';
import type { Control } from '../../scripts/supervisor/control';
import type { Bench, Findings, Part } from './bench';
import type { BenchArguments } from './bench-arguments';
import { Scope } from '../testbed/scope';
import { startServers, type BenchServers } from './environment/servers';
import { keepToTwoCores } from './environment/two-cores';
import { allParts } from './parts/all-parts';
import { syncsPerSecond } from './measure/disk-speed';
import { judgeFigure } from './report/figure';
import { formatReport, type PartReport } from './report/format-report';

/**
 * Measures what was asked for, on servers of its own.
 * @returns the exit code: 0 when all of it could be measured
 */
export async function runBench(given: BenchArguments, control: Control): Promise<number> {
  const startedAt = new Date();
  const cores = keepToTwoCores();
  const folder = await openRunFolder();
  const stamp = startedAt.toISOString().replaceAll(':', '-');
  const logs = inLocal('bench', `logs-${stamp}`);
  const profiles = inLocal('bench', `profiles-${stamp}`);
  if (given.logs) mkdirSync(logs, { recursive: true });
  const parts: PartReport[] = [];
  let servers: BenchServers | undefined;
  try {
    servers = await startServers(control);
    const machine = describeMachine(cores, servers, given.logs);
    for (const line of Object.entries(machine)) control.say(line.join(': '));
    const bench: Bench = {
      servers,
      control,
      rounds: given.rounds,
      seconds: (fallback) => given.seconds ?? fallback,
      scaleOrders: given.scaleOrders,
      logFile: (name) => (given.logs ? path.join(logs, `${name.replaceAll(' ', '-')}.log`) : '/dev/null'),
      profiles: given.profile ? profiles : undefined,
      remember: (pid) => folder.remember(pid),
    };
    for (const part of allParts.filter(({ name }) => given.parts.includes(name))) {
      if (control.stopping.aborted) break;
      parts.push(await runPart(part, bench, () => syncsPerSecond(folder.folder)));
      // After each: what was measured is not lost when the run is cut off.
      writeReport(given, startedAt, machine, parts);
    }
  } finally {
    await servers?.end();
    folder.remove();
  }
  console.log(formatReport(parts));
  control.say(
    `the report is in ${reportFile(startedAt)}${given.logs ? `, logs in ${logs}` : ''}${given.profile ? `, profiles in ${profiles}` : ''}`,
  );
  const all = given.parts.every((name) => parts.some(({ part, failed }) => part === name && !failed));
  const short = parts.some(({ figures }) => figures.some((figure) => judgeFigure(figure).reached === false));
  return !all || (given.strict && short) ? 1 : 0;
}

async function runPart(part: Part, bench: Bench, diskSpeed: () => number): Promise<PartReport> {
  const { say, stopping } = bench.control;
  const startedAt = Date.now();
  const scope = new Scope();
  const stop = () => scope.fail(new Error('stopped before its end'));
  stopping.addEventListener('abort', stop, { once: true });
  const loadBefore = loadavg()[0] ?? 0;
  const before = diskSpeed();
  say(`${part.name}: begins; the disk takes ${Math.round(before)} fdatasync/s, load average ${loadBefore}`);
  const report = (rest: Findings): PartReport => ({
    part: part.name,
    tookMs: Date.now() - startedAt,
    loadBefore,
    fdatasyncPerSecond: { before, after: diskSpeed() },
    ...rest,
  });
  try {
    return report(await scope.unlessBroken(part.run(bench, scope)));
  } catch (error) {
    if (!stopping.aborted) say(`${part.name}: ${error instanceof Error ? error.stack : messageOf(error)}`);
    return report({ figures: [], remarks: [], failed: messageOf(error) });
  } finally {
    stopping.removeEventListener('abort', stop);
    await scope.end();
    say(`${part.name}: took ${Math.round((Date.now() - startedAt) / 1000)} s`);
  }
}

const describeMachine = (
  cores: string,
  { postgres, rabbitmq, durability }: BenchServers,
  logs: boolean,
): Record<string, string> => ({
  machine: `${cpus()[0]?.model ?? 'unknown CPU'}, ${cores}, ${Math.round(totalmem() / 2 ** 30)} GB, ${platform()} ${release()} ${arch()}`,
  node: process.version,
  PostgreSQL: `${postgres.how} (${durability})`,
  RabbitMQ: rabbitmq.how,
  logging: `LOG_LEVEL info, to ${logs ? 'a file for each process' : '/dev/null'}`,
});

const reportFile = (startedAt: Date): string =>
  path.join(inLocal('bench'), `${startedAt.toISOString().replaceAll(':', '-')}.json`);

function writeReport(
  given: BenchArguments,
  startedAt: Date,
  machine: Record<string, string>,
  parts: readonly PartReport[],
): void {
  const report = {
    startedAt: startedAt.toISOString(),
    machine,
    settings: { rounds: given.rounds, seconds: given.seconds ?? null },
    parts: parts.map((part) => ({ ...part, figures: part.figures.map(judgeFigure) })),
  };
  mkdirSync(inLocal('bench'), { recursive: true });
  for (const file of [reportFile(startedAt), ...(given.out ? [given.out] : [])])
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}
