import { once } from 'node:events';
import type { Bench, Part } from '../bench';
import { orderRequests } from '../environment/menu';
import { startBenchMesh, type BenchMesh } from '../environment/mesh';
import { LoadGenerator } from '../load/load-generator';
import type { Received } from '../load/trace-receiver';
import { CpuMeter } from '../measure/cpu-meter';
import { spread } from '../measure/spread';
import type { Figure } from '../report/figure';
import { startProcess, type MeasuredProcess } from '../../testbed/measured-process';
import { sustainedRate } from './sustained-rate';

const REACH = 0.95;
const SCRAPE_EVERY_MS = 5_000;

/** A mesh, and what it tells of itself. */
interface Measured {
  what: string;
  mesh: BenchMesh;
  isScraped: boolean;
  rates: number[];
  /** Of the mesh with its servers and the receiver: what places orders is left out. */
  cpuMs: number[];
}

/** What it costs to be looked at: traces sent to a receiver on this machine, metrics read, beside the same without. */
export const telemetry: Part = {
  name: 'telemetry',
  what: 'the whole mesh with all traces and metrics, and with a tenth of the traces, beside the same without',
  async run(bench, scope) {
    const receiver = startProcess(bench, scope, 'trace receiver', 'proof/bench/load/trace-receiver.js');
    const [{ port }] = (await once(receiver.child, 'message')) as [{ port: number }];
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
    const some = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };
    const start = async (what: string, environment?: Record<string, string>): Promise<Measured> => {
      const name = `telemetry-${what}`;
      const mesh = await startBenchMesh(bench, scope, name, { environment });
      return { what, mesh, isScraped: environment !== undefined, rates: [], cpuMs: [] };
    };
    const off = await start('off');
    const all = await start('all', traced);
    const tenth = await start('tenth', { ...traced, ...some });
    const generator = LoadGenerator.start(bench, scope);
    const meshes = [off, all, tenth];
    // The first round is to have everything compiled; after it each comes first as often.
    let orders = 0;
    for (let round = 0; round <= bench.rounds; round += 1) {
      const turn = round % 2 ? meshes : meshes.toReversed();
      for (const one of turn) {
        const counted = await measure(bench, one, generator, receiver, round === 0);
        if (one === all) orders += counted;
      }
    }
    const { bytes } = await ask(receiver);
    return {
      figures: [...figures('all telemetry', all, off), ...figures('a tenth of the traces', tenth, off)],
      remarks: [
        `the receiver got ${Math.round(bytes / 1e6)} MB; with all traces about ${Math.round(bytes / 1.1 / orders)} bytes an order`,
        'traces: OTLP over HTTP in protobuf, to a process on the same two cores; metrics of all services every 5 s',
      ],
    };
  },
};

async function measure(
  bench: Bench,
  measured: Measured,
  generator: LoadGenerator,
  receiver: MeasuredProcess,
  isWarmUp: boolean,
): Promise<number> {
  const { mesh, rates, cpuMs } = measured;
  const seconds = isWarmUp ? 3 : bench.seconds(20);
  const meter = new CpuMeter(bench.servers, [...mesh.processes, receiver]);
  const scraping = measured.isScraped ? setInterval(() => scrape(mesh), SCRAPE_EVERY_MS) : undefined;
  const { rate, orders } = await sustainedRate(
    bench,
    mesh,
    generator,
    orderRequests(mesh.menus),
    { warmUpSeconds: 4, seconds },
    { began: () => meter.begin(), ended: () => meter.end() },
  );
  clearInterval(scraping);
  if (isWarmUp) return orders;
  const { 'bench itself': _, ...used } = meter.per(orders) ?? {};
  rates.push(rate);
  cpuMs.push(Object.values(used).reduce((sum, ms) => sum + ms, 0));
  bench.control.say(
    `telemetry, ${measured.what}: ${Math.round(rate)}/s, ${cpuMs.at(-1)?.toFixed(2)} ms of CPU an order`,
  );
  return orders;
}

/** As Prometheus would: nobody waits for it. */
function scrape({ processes }: BenchMesh): void {
  for (const { url } of processes)
    fetch(`${url}/metrics`).then(
      (page) => page.arrayBuffer(),
      () => undefined,
    );
}

async function ask({ child }: MeasuredProcess): Promise<Received> {
  const answer = once(child, 'message') as Promise<[Received]>;
  child.send('how much');
  return (await answer)[0];
}

const figures = (what: string, ours: Measured, off: Measured): Figure[] => {
  const without = (values: number[]) => ({ name: 'none', value: spread(values) });
  return [
    {
      part: 'telemetry',
      what: `orders/s, POST to PREPARING, ${what}`,
      ours: spread(ours.rates),
      baseline: without(off.rates),
      reach: { of: 'ratio', atLeast: REACH },
    },
    {
      part: 'telemetry',
      what: `CPU an order, ms, ${what}`,
      ours: spread(ours.cpuMs),
      baseline: without(off.cpuMs),
    },
  ];
};
