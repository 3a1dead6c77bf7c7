import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { readProtobuf, type Fields } from './read-protobuf';

/** A span as a receiver of OTLP understands it. */
export interface ReceivedSpan {
  /** `service.name` */
  service: string;
  resource: Record<string, unknown>;
  traceId: string;
  spanId: string;
  parentId: string | undefined;
  state: string;
  name: string;
  kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  /** In nanoseconds since 1970. */
  start: bigint;
  end: bigint;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  status: { code: number; message: string };
}

/** Answers a request otherwise than with 200. @returns whether it has */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A receiver of OTLP over HTTP in this process: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export interface OtlpReceiver {
  url: string;
  spans: ReceivedSpan[];
  /** Of the requests that came, those that were answered otherwise included. */
  requests: { headers: IncomingMessage['headers']; path: string; bytes: number }[];
  misbehave(how: Misbehaviour | undefined): void;
  stop(): Promise<void>;
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  let misbehaviour: Misbehaviour | undefined;
  const receiver: OtlpReceiver = {
    url: '',
    spans: [],
    requests: [],
    misbehave: (how) => (misbehaviour = how),
    stop: () => stop(server),
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      receiver.requests.push({ headers: request.headers, path: request.url ?? '', bytes: body.length });
      if (misbehaviour?.(request, response)) return;
      try {
        receiver.spans.push(...readSpans(request, body));
        response.writeHead(200, { 'content-type': request.headers['content-type'] }).end();
      } catch (error) {
        receiver.spans.push({ name: `unreadable: ${String(error)}` } as ReceivedSpan);
        response.writeHead(400).end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return receiver;
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function readSpans({ headers }: IncomingMessage, body: Buffer): ReceivedSpan[] {
  const content = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
  return headers['content-type'] === 'application/json'
    ? fromJson(JSON.parse(content.toString()) as JsonRequest)
    : fromProtobuf(content);
}

const KINDS = ['internal', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const kindOf = (number: number) => KINDS[number] ?? 'internal';

// opentelemetry/proto/collector/trace/v1/trace_service.proto, trace/v1/trace.proto and common/v1/common.proto
function fromProtobuf(body: Buffer): ReceivedSpan[] {
  return messages(readProtobuf(body), 1).flatMap((ofResource) => {
    const resource = attributesIn(messages(ofResource, 1)[0]!, 1);
    return messages(ofResource, 2).flatMap((ofScope) =>
      messages(ofScope, 2).map((span): ReceivedSpan => {
        const status = messages(span, 15)[0];
        return {
          service: String(resource['service.name']),
          resource,
          traceId: bytesIn(span, 1).toString('hex'),
          spanId: bytesIn(span, 2).toString('hex'),
          state: textIn(span, 3),
          parentId: bytesIn(span, 4).toString('hex') || undefined,
          name: textIn(span, 5),
          kind: kindOf(Number(span.get(6)?.[0])),
          start: span.get(7)?.[0] as bigint,
          end: span.get(8)?.[0] as bigint,
          attributes: attributesIn(span, 9),
          links: messages(span, 13).map((link) => ({
            traceId: bytesIn(link, 1).toString('hex'),
            spanId: bytesIn(link, 2).toString('hex'),
          })),
          status: { code: Number(status?.get(3)?.[0] ?? 0), message: status ? textIn(status, 2) : '' },
        };
      }),
    );
  });
}

const messages = (fields: Fields, field: number): Fields[] =>
  (fields.get(field) ?? []).map((bytes) => readProtobuf(bytes as Buffer));

const bytesIn = (fields: Fields, field: number) =>
  (fields.get(field)?.[0] as Buffer | undefined) ?? Buffer.alloc(0);

/** Fatal: a receiver that is written in Go refuses the whole request for a byte that is no UTF-8. */
const textIn = (fields: Fields, field: number) =>
  new TextDecoder('utf-8', { fatal: true }).decode(bytesIn(fields, field));

function attributesIn(fields: Fields, field: number): Record<string, unknown> {
  const pairs = messages(fields, field).map(
    (pair) => [textIn(pair, 1), valueIn(messages(pair, 2)[0]!)] as const,
  );
  return Object.fromEntries(pairs);
}

function valueIn(any: Fields): unknown {
  if (any.has(1)) return textIn(any, 1);
  if (any.has(2)) return any.get(2)?.[0] === 1n;
  if (any.has(3)) return Number(any.get(3)?.[0]);
  const double = Buffer.alloc(8);
  double.writeBigUInt64LE(any.get(4)?.[0] as bigint);
  return double.readDoubleLE();
}

interface JsonRequest {
  resourceSpans: { resource: { attributes: JsonAttribute[] }; scopeSpans: { spans: JsonSpan[] }[] }[];
}
interface JsonAttribute {
  key: string;
  value: { stringValue?: string; boolValue?: boolean; intValue?: string; doubleValue?: number };
}
interface JsonSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: JsonAttribute[];
  links: { traceId: string; spanId: string }[];
  status: { code?: number; message?: string };
}

function fromJson({ resourceSpans }: JsonRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource: { attributes }, scopeSpans }) => {
    const resource = jsonAttributes(attributes);
    return scopeSpans
      .flatMap(({ spans }) => spans)
      .map((span): ReceivedSpan => ({
        service: String(resource['service.name']),
        resource,
        traceId: span.traceId,
        spanId: span.spanId,
        parentId: span.parentSpanId,
        state: span.traceState ?? '',
        name: span.name,
        kind: kindOf(span.kind),
        start: BigInt(span.startTimeUnixNano),
        end: BigInt(span.endTimeUnixNano),
        attributes: jsonAttributes(span.attributes),
        links: span.links,
        status: { code: span.status.code ?? 0, message: span.status.message ?? '' },
      }));
  });
}

const jsonAttributes = (attributes: JsonAttribute[]): Record<string, unknown> =>
  Object.fromEntries(
    attributes.map(({ key, value: { stringValue, boolValue, intValue, doubleValue } }) => [
      key,
      stringValue ?? boolValue ?? (intValue === undefined ? doubleValue : Number(intValue)),
    ]),
  );
