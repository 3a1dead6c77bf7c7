import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { ConfigError, readConfig, workerConfig } from '../service/config';
import { secretsOf } from '../service/redact';
import { receiverOf, tracingSchema } from './tracing-config';

const read = (environment: Record<string, string>) => readConfig(tracingSchema, environment);
const receiver = (environment: Record<string, string>) => receiverOf(read(environment))?.href;

it.each([
  [{}, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318' }, 'http://tempo:4318/v1/traces'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://host/otlp/' }, 'https://host/otlp/v1/traces'],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://host/as-it-is' }, 'http://host/as-it-is'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318', OTEL_SDK_DISABLED: 'TRUE' }, undefined],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318', OTEL_TRACES_EXPORTER: 'none' }, undefined],
])('%p is sent to %p', (environment, url) => expect(receiver(environment)).toBe(url));

it('what is set for others is no concern of a service that traces nothing', () => {
  const others = {
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_TRACES_SAMPLER: 'jaeger_remote',
    OTEL_TRACES_SAMPLER_ARG: 'endpoint=http://localhost:14250',
    OTEL_EXPORTER_OTLP_TIMEOUT: '0',
    OTEL_RESOURCE_ATTRIBUTES: 'no pair',
  };
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'tempo:4317' };
  expect(receiver(others)).toBeUndefined();
  expect(receiver({ ...others, ...endpoint, OTEL_SDK_DISABLED: 'true' })).toBeUndefined();
  expect(receiver({ ...others, ...endpoint, OTEL_TRACES_EXPORTER: 'None' })).toBeUndefined();
  expect(() => receiver({ ...others, ...endpoint })).toThrow(/OTEL_EXPORTER_OTLP_PROTOCOL/);
});

it('values are the same in capitals, and those for traces alone are understood', () => {
  expect(
    read({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318',
      OTEL_TRACES_SAMPLER: 'ALWAYS_ON',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'HTTP/JSON',
      OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '250',
    }),
  ).toMatchObject({
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'gzip',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: 250,
  });
});

it('a share is a number in decimal digits; blanks are none', () => {
  const share = (OTEL_TRACES_SAMPLER_ARG: string) =>
    read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318', OTEL_TRACES_SAMPLER_ARG })
      .OTEL_TRACES_SAMPLER_ARG;
  expect(['0', '1', '0.25', '.5', '1.0', ' '].map(share)).toEqual([0, 1, 0.25, 0.5, 1, 1]);
  for (const text of ['0x1', '1e-1', ' 0.5', '-0', '1.1', '.', 'half'])
    expect(() => share(text)).toThrow('OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1');
});

it('nothing of it is loaded where nobody asks for it', () => {
  const code = 'require(process.argv[1]); console.log(Object.keys(require.cache).join())';
  const loaded = execFileSync(
    process.execPath,
    ['-e', code, resolve('dist/shared/messaging/run-consumer.js')],
    {
      encoding: 'utf8',
    },
  );
  expect(loaded).toContain('run-service.js');
  expect(loaded).not.toMatch(/begin-tracing|export-spans|encode-/);
});

it('headers and attributes are pairs, percent-encoded', () => {
  const config = read({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318',
    OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20YTpi, x-scope = a=b,',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=prod,owner=caf%C3%A9',
  });
  expect(config.OTEL_EXPORTER_OTLP_HEADERS).toEqual({ Authorization: 'Basic YTpi', 'x-scope': 'a=b' });
  expect(config.OTEL_RESOURCE_ATTRIBUTES).toEqual({ 'deployment.environment.name': 'prod', owner: 'café' });
});

it('what is wrong is reported with everything else, and without the secret', () => {
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'tempo:4318',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=the-secret%',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_TRACES_SAMPLER: 'sometimes',
    OTEL_TRACES_SAMPLER_ARG: '2',
    OTEL_RESOURCE_ATTRIBUTES: 'no pair',
    OTEL_EXPORTER_OTLP_TIMEOUT: '10s',
  };
  let error: unknown;
  try {
    readConfig(workerConfig, environment);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(ConfigError);
  const { message } = error as ConfigError;
  for (const name of [...Object.keys(environment), 'DATABASE_URL']) expect(message).toContain(`  ${name}: `);
  expect(message).not.toContain('the-secret');
});

it('the headers are secrets, as they are given and as they are sent', () => {
  const secrets = secretsOf({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc%2Fdef,x-key=other' });
  expect(secrets).toEqual(expect.arrayContaining(['Bearer%20abc%2Fdef', 'abc/def', 'other']));
});
