import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { identity } from '../service/identity';
import type { Logger } from '../service/logger';
import { withSecretFiles } from '../service/secret-files';
import { encodeJson } from './encode-json';
import { encodeProtobuf } from './encode-protobuf';
import type { Origin } from './encoding';
import { exportSpans } from './export-spans';
import { chooseSampler } from './sampling';
import { recordWith } from './span';
import { receiverOf, tracingSchema, withoutIdleTracing, type TracingConfig } from './tracing-config';

/** Ends tracing: sends what is left, as far as it goes within the time. Never throws. */
export type EndTracing = (withinMs: number) => Promise<void>;

/**
 * Turns tracing on where the environment names a receiver. What is wrong with its variables, the service's own
 * configuration reports with everything else.
 */
export function beginTracing(
  service: string,
  log: Logger,
  environment: Record<string, string | undefined> = process.env,
): EndTracing | undefined {
  const given = withSecretFiles(environment).environment;
  const result = tracingSchema.safeParse(withoutIdleTracing(given));
  const url = result.success ? receiverOf(result.data) : undefined;
  if (!result.success || !url) return undefined;
  const config = result.data;
  const exporter = exportSpans({
    url,
    headers: { ...config.OTEL_EXPORTER_OTLP_HEADERS, ...config.OTEL_EXPORTER_OTLP_TRACES_HEADERS },
    encoding:
      (config.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? config.OTEL_EXPORTER_OTLP_PROTOCOL) === 'http/json'
        ? encodeJson
        : encodeProtobuf,
    origin: originOf(service, config),
    log,
    timeoutMs: config.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT ?? config.OTEL_EXPORTER_OTLP_TIMEOUT,
    delayMs: config.OTEL_BSP_SCHEDULE_DELAY,
    compress:
      (config.OTEL_EXPORTER_OTLP_TRACES_COMPRESSION ?? config.OTEL_EXPORTER_OTLP_COMPRESSION) === 'gzip',
  });
  recordWith({
    samples: chooseSampler(config.OTEL_TRACES_SAMPLER, config.OTEL_TRACES_SAMPLER_ARG),
    clock: createClock(),
    take: (span) => exporter.take(span),
  });
  log.info({ receiver: url.origin, sampler: config.OTEL_TRACES_SAMPLER }, 'tracing');
  return async (withinMs) => {
    recordWith(undefined);
    await exporter.stop(withinMs);
  };
}

/** https://opentelemetry.io/docs/specs/semconv/resource/ */
function originOf(service: string, config: TracingConfig): Origin {
  const version = ownVersion();
  const own = {
    'service.name': service,
    'service.namespace': 'ordermesh',
    'service.version': version,
    'service.instance.id': identity().instance,
    'host.name': hostname(),
    'process.pid': process.pid,
    'process.runtime.name': 'nodejs',
    'process.runtime.version': process.versions.node,
    'telemetry.sdk.name': 'ordermesh',
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.version': version,
  };
  const name = config.OTEL_SERVICE_NAME ? { 'service.name': config.OTEL_SERVICE_NAME } : {};
  return {
    resource: { ...own, ...config.OTEL_RESOURCE_ATTRIBUTES, ...name },
    scope: { name: 'ordermesh', version },
  };
}

function ownVersion(): string {
  try {
    const text = readFileSync(join(resolve('.'), 'package.json'), 'utf8');
    return (JSON.parse(text) as { version?: string }).version ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

const LOOK_EVERY_MS = 1_000;
/** The two clocks may be so far apart by the resolution of one of them. */
const APART_MS = 2;

/**
 * The wall clock with fractions of a millisecond. `performance.timeOrigin` alone is the wall clock as it was when the
 * process began: it goes wrong when that clock is set, and when the machine sleeps.
 */
function createClock(): (now: number) => number {
  let ahead = performance.timeOrigin;
  let lookAt = 0;
  return (now) => {
    if (now >= lookAt) {
      lookAt = now + LOOK_EVERY_MS;
      const seen = Date.now() - performance.now();
      if (Math.abs(seen - ahead) > APART_MS) ahead = seen;
    }
    return now + ahead;
  };
}
