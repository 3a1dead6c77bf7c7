import { validateHeaderName, validateHeaderValue } from 'node:http';
import { z } from 'zod';
import { decimalNumber, parsed, wholeNumber } from '../service/parsed';
import { SAMPLERS } from './sampling';

/**
 * OpenTelemetry's own variables, as far as they are understood here:
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
export const tracingConfig = {
  /** Without it, or the one for traces alone, nothing is traced. */
  OTEL_EXPORTER_OTLP_ENDPOINT: parsed(endpoint).optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: parsed(endpoint).optional(),
  /** A secret: they may be a login. */
  OTEL_EXPORTER_OTLP_HEADERS: parsed((text) => readHeaders(text)).optional(),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: parsed((text) => readHeaders(text)).optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol().default('http/protobuf'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol().optional(),
  OTEL_EXPORTER_OTLP_COMPRESSION: compression().default('none'),
  OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: compression().optional(),
  OTEL_EXPORTER_OTLP_TIMEOUT: milliseconds(600_000).default(10_000),
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: milliseconds(600_000).optional(),
  OTEL_BSP_SCHEDULE_DELAY: milliseconds(60_000).default(1_000),
  OTEL_TRACES_EXPORTER: anyCase(['otlp', 'none'], 'must be otlp or none').default('otlp'),
  OTEL_TRACES_SAMPLER: anyCase(SAMPLERS, `must be one of ${SAMPLERS.join(', ')}`).default(
    'parentbased_always_on',
  ),
  OTEL_TRACES_SAMPLER_ARG: share(),
  OTEL_SERVICE_NAME: z.string().optional(),
  OTEL_RESOURCE_ATTRIBUTES: parsed((text) => readPairs(text)).optional(),
  OTEL_SDK_DISABLED: z
    .string()
    .transform((text) => text.toLowerCase() === 'true')
    .optional(),
};

export const tracingSchema = z.object(tracingConfig);
export type TracingConfig = z.output<typeof tracingSchema>;

/**
 * The environment without OpenTelemetry's variables where nothing is traced: they may be set for every process of a
 * machine or a cluster, with values that others understand.
 */
export function withoutIdleTracing<T extends Record<string, string | undefined>>(environment: T): T {
  const isOff =
    environment.OTEL_SDK_DISABLED?.toLowerCase() === 'true' ||
    environment.OTEL_TRACES_EXPORTER?.toLowerCase() === 'none' ||
    !(environment.OTEL_EXPORTER_OTLP_ENDPOINT || environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
  if (!isOff) return environment;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('OTEL_'))) as T;
}

/** Whether anything is to be traced, and where it is sent. */
export function receiverOf(config: TracingConfig): URL | undefined {
  if (config.OTEL_SDK_DISABLED || config.OTEL_TRACES_EXPORTER === 'none') return undefined;
  if (config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  const base = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!base) return undefined;
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  return url;
}

function endpoint(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Error('must be an address that begins with http:// or https://, e.g. http://localhost:4318');
  return url;
}

/** A value from a list; OpenTelemetry's are the same in capitals. */
function anyCase<const V extends readonly [string, ...string[]]>(values: V, error: string) {
  return z
    .string()
    .transform((text) => text.toLowerCase())
    .pipe(z.enum(values, { error }));
}

function protocol() {
  return anyCase(
    ['http/protobuf', 'http/json'],
    'must be http/protobuf or http/json; a receiver of gRPC takes these on another port, usually 4318',
  );
}

function compression() {
  return anyCase(['none', 'gzip'], 'must be none or gzip');
}

function milliseconds(most: number) {
  return wholeNumber(1, most, `must be a whole number of milliseconds from 1 to ${most}`);
}

function share() {
  return decimalNumber(0, 1, 'must be a number from 0 to 1, such as 0.25').default(1);
}

/** `key=value,key2=value2`, percent-encoded: https://www.w3.org/TR/baggage/#header-content. Values are left out of errors. */
function readPairs(text: string): Record<string, string> {
  const pairs = text.split(',').filter((one) => one.trim() !== '');
  return Object.fromEntries(
    pairs.map((pair, index) => {
      const [, name = '%', value = '%'] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
      try {
        return [decodeURIComponent(name), decodeURIComponent(value)];
      } catch {
        const which = `pair ${index + 1} is none`;
        throw new Error(`must be pairs key=value with commas between, percent-encoded; ${which}`);
      }
    }),
  );
}

function readHeaders(text: string): Record<string, string> {
  const headers = readPairs(text);
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw new Error(
        'must be pairs name=value with commas between; a name or value cannot be an HTTP header',
      );
    }
  }
  return headers;
}
