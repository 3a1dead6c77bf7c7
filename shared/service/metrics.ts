import { collectDefaultMetrics, Counter, Gauge, Histogram, register } from 'prom-client';
import { within } from './within';

/**
 * What a process tells Prometheus at `/metrics`: https://prometheus.io/docs/practices/naming/. Each module has its own
 * metrics beside the code that counts; the labels of all of them come from fixed lists, never from what a client or a
 * message says.
 */
export interface MetricsPage {
  contentType: string;
  text: string;
}

/** More often would wake a process for nothing else. */
const EVENT_LOOP_EVERY_MS = 100;
let measuresItself = false;

/** Begins prom-client's own, of the process and its event loop; not before somebody asks, for they wake an idle process. */
function measureItself(): void {
  if (measuresItself) return;
  measuresItself = true;
  collectDefaultMetrics({ eventLoopMonitoringPrecision: EVENT_LOOP_EVERY_MS });
}

/** Everything, as it is now. */
export async function metricsPage(): Promise<MetricsPage> {
  measureItself();
  return { contentType: register.contentType, text: await register.metrics() };
}

/** Where a module is loaded twice (compiled, and by a test) both count into the same metric. */
const known = <M>(name: string) => register.getSingleMetric(name) as M | undefined;

export function counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
  return known<Counter<L>>(name) ?? new Counter({ name, help, labelNames });
}

/** @param buckets their upper bounds, in the metric's unit */
export function histogram<L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[],
  buckets: number[],
): Histogram<L> {
  return known<Histogram<L>>(name) ?? new Histogram({ name, help, labelNames, buckets });
}

/** A gauge's values, by its labels. */
export type Reading = { labels: Record<string, string>; value: number }[];

/** A little less than the five seconds after which Prometheus asks again. */
const READ_MS = 4_500;
/** Reading shall cost a hundredth of the time at most, but not wait for longer than this. */
const REST = 100;
/** For what is looked up by an index: where that takes long the machine is busy, and it has to be known how things stand. */
export const SHORT_REST = 4;
/** For what costs nothing to read, however long it waits for others. */
export const NO_REST = 0;
const LONGEST_REST_MS = 300_000;
/** Who asks gets everything else within this time, also where a database says nothing. */
const ANSWER_MS = 1_000;
const GIVE_UP_MS = 30_000;

/**
 * A gauge that is read from somewhere (the database, the broker) when Prometheus asks, and not more often than every five
 * seconds, however many ask; less often where it takes long: `rest` times as long is waited. That is judged by two readings,
 * for one may have met a machine that stood still for a moment, and would be told for minutes. Where it cannot be read, or
 * not in time, it has no value, rather than an old one, and is read again at the next occasion. Of a name that is told
 * twice the first reading is taken.
 */
export function readGauge(
  name: string,
  help: string,
  labelNames: string[],
  read: () => Reading | Promise<Reading>,
  { rest = REST, now = () => performance.now() }: { rest?: number; now?: () => number } = {},
): void {
  if (known(name)) return;
  let nextAt = -Infinity;
  let tookBefore = 0;
  let reading: Promise<Reading> = Promise.resolve([]);
  const gauge = new Gauge({
    name,
    help,
    labelNames,
    async collect() {
      if (now() >= nextAt) {
        const begunAt = now();
        nextAt = Infinity;
        reading = within(GIVE_UP_MS, (async () => read())()).then(
          (values) => {
            const took = now() - begunAt;
            const restMs = Math.min(rest * Math.min(took, tookBefore), LONGEST_REST_MS);
            tookBefore = took;
            nextAt = Math.max(begunAt + READ_MS, now() + restMs);
            return values;
          },
          () => {
            nextAt = now() + READ_MS; // however long it took to fail
            return [];
          },
        );
      }
      const values = await within(ANSWER_MS, reading).catch(() => []);
      gauge.reset();
      if (labelNames.length === 0) gauge.remove(); // it would say 0, and that all is well
      for (const { labels, value } of values) gauge.set(labels, value);
    },
  });
}
