import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { checkout } from '../../../scripts/servers/checkout';
import type { Part } from '../bench';
import { orderRequests } from '../environment/menu';
import { backlogOf, startBenchMesh, untilDrained } from '../environment/mesh';
import { LoadGenerator } from '../load/load-generator';
import { canReadProcesses } from '../measure/process-tree';
import { spread } from '../measure/spread';
import { watchMemory } from '../measure/watch-memory';
import type { Figure } from '../report/figure';
import { sustainedRate } from './sustained-rate';

const TIMES = 3;
const PATIENCE_MS = 5_000;
/** Enough that it is the mesh which says no, and not the generator that waits for a free one. */
const CONNECTIONS = 2_048;

export const overload: Part = {
  name: 'overload',
  what: 'three times what the mesh sustains: answers, memory, backlog, the time to drain; then the audit',
  async run(bench, scope) {
    const seconds = bench.seconds(60);
    const mesh = await startBenchMesh(bench, scope, 'overload');
    const generator = LoadGenerator.start(bench, scope);
    const requests = orderRequests(mesh.menus);
    const calibration = { warmUpSeconds: 3, seconds: Math.min(10, seconds) };
    bench.meshRate ??= (await sustainedRate(bench, mesh, generator, requests, calibration)).rate;
    const rate = Math.round(TIMES * bench.meshRate);

    bench.control.say(`overload: ${rate} orders/s for ${seconds} s`);
    const memory = watchMemory(mesh.processes);
    const outcome = await generator.run({
      url: mesh.apiUrl,
      requests,
      connections: CONNECTIONS,
      warmUpMs: 0,
      measureMs: seconds * 1000,
      load: { kind: 'open', rate, patienceMs: PATIENCE_MS },
    });
    const { orders, events } = await backlogOf(mesh.world);
    bench.control.say(`overload: ${orders} orders and ${events} events wait`);
    const drainingSince = Date.now();
    await scope.unlessBroken(untilDrained(bench, mesh.world));
    const drainSeconds = (Date.now() - drainingSince) / 1000;
    const peaks = memory.stop();
    const audited = await audit(mesh.world.databaseUrl);

    const figure = (what: string, value: number): Figure => ({
      part: 'overload',
      what,
      ours: spread([value]),
    });
    const { statuses, retryAfter, unanswered, latencies } = outcome;
    return {
      figures: [
        figure('offered, orders/s', rate),
        ...Object.entries(statuses).map(([status, count]) => figure(`answered ${status}`, count)),
        figure('503 with Retry-After', retryAfter),
        figure('given up after 5 s, unsent most of them', unanswered),
        figure('accepted p99 since it was due, ms', latencies.p99),
        figure('orders waiting at the end', orders),
        figure('events waiting at the end', events),
        figure('time to drain, s', drainSeconds),
        ...Object.entries(peaks).map(([name, megabytes]) => figure(`${name}, peak RSS in MB`, megabytes)),
        { ...figure('audit: exit code', audited.code), reach: { of: 'ours', atMost: 0 } },
      ],
      remarks: [
        ...(audited.code === 0 ? [] : audited.report.trim().split('\n')),
        ...(canReadProcesses ? [] : ['memory is told on Linux alone']),
      ],
    };
  },
};

/** `npm run audit` of the part's database. */
async function audit(databaseUrl: string): Promise<{ code: number; report: string }> {
  const child = spawn(
    process.execPath,
    [path.join(checkout, 'dist', 'operator', 'audit.js'), '--grace', '1s'],
    {
      env: { PATH: process.env.PATH, DATABASE_URL: databaseUrl },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 2)));
  const [code, ...output] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, report: output.join('') };
}
