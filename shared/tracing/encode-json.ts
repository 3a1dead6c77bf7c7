import { cut, type Encoding } from './encoding';
import type { Common, Span, Value } from './span';

const FULL_CHARACTERS = 512 * 1024;

/** `http/json`: for receivers that read nothing else. Twice as large, and as much work for both sides. */
export function encodeJson(): Encoding {
  const spans: string[] = [];
  let characters = 0;
  return {
    contentType: 'application/json',
    add: (span) => {
      const text = spanJson(span);
      characters += text.length;
      spans.push(text);
    },
    isFull: () => characters > FULL_CHARACTERS,
    body: ({ resource, scope }) =>
      Buffer.from(
        `{"resourceSpans":[{"resource":{"attributes":[${attributesJson(Object.entries(resource))}]},` +
          `"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[${spans.join(',')}]}]}]}`,
      ),
  };
}

/** https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids in hexadecimal, whole numbers of 64 bits as text */
function spanJson(span: Span): string {
  const { attributes, links = [] } = span;
  const pairs: [string, Value][] = [];
  for (let index = 0; index < attributes.length; index += 2)
    pairs.push([attributes[index] as string, attributes[index + 1]!]);
  const common = span.common && (span.common.encoded ??= commonJson(span.common));
  const own = attributesJson(pairs);
  const text = (value: string) => JSON.stringify(cut(value).toWellFormed());
  return (
    `{"traceId":"${span.traceId}","spanId":"${span.spanId}",` +
    (span.state ? `"traceState":${text(span.state)},` : '') +
    (span.parentId ? `"parentSpanId":"${span.parentId}",` : '') +
    `"name":${text(span.name)},"kind":${span.kind},` +
    `"startTimeUnixNano":"${nanoseconds(span.startedAt)}","endTimeUnixNano":"${nanoseconds(span.endedAt)}",` +
    `"attributes":[${[common, own].filter(Boolean).join(',')}],` +
    `"links":[${links.map(({ traceId, spanId }) => `{"traceId":"${traceId}","spanId":"${spanId}"}`).join(',')}],` +
    `"status":${span.errorType ? `{"message":${text(span.errorText ?? '')},"code":2}` : '{}'},"flags":${span.flags}}`
  );
}

const nanoseconds = (ms: number) => `${Math.round(ms * 1_000)}000`;

const attributesJson = (pairs: readonly (readonly [string, Value])[]) =>
  pairs.map(([key, value]) => JSON.stringify({ key, value: anyValue(value) })).join(',');

const anyValue = (value: Value) => {
  if (typeof value === 'string') return { stringValue: cut(value).toWellFormed() };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isSafeInteger(value) && value >= 0 ? { intValue: String(value) } : { doubleValue: value };
};

const commonJson = ({ attributes }: Common) => attributesJson(Object.entries(attributes));
