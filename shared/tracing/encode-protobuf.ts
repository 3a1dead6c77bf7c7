import type { Encoding, Origin } from './encoding';
import { cut } from './encoding';
import { ProtobufWriter } from './protobuf-writer';
import type { Common, Span, Value } from './span';

/** So much has to be free before a span is written: none has more. */
const MOST_SPAN_BYTES = 192 * 1024;
const PAGE_BYTES = 512 * 1024;
const HEAD_BYTES = 128 * 1024;

/** `http/protobuf`: opentelemetry/proto/collector/trace/v1/trace_service.proto and trace/v1/trace.proto */
export function encodeProtobuf(): Encoding {
  const page = new ProtobufWriter(PAGE_BYTES);
  return {
    contentType: 'application/x-protobuf',
    add: (span) => writeSpan(page, span),
    isFull: () => page.room < MOST_SPAN_BYTES,
    body: (origin) => {
      const spans = page.written();
      return Buffer.concat([head(origin, spans.length), spans]);
    },
  };
}

function writeSpan(to: ProtobufWriter, span: Span): void {
  to.byte(0x12); // ScopeSpans.spans
  const from = to.open();
  to.hex(0x0a, span.traceId);
  to.hex(0x12, span.spanId);
  if (span.state) to.text(0x1a, span.state);
  if (span.parentId) to.hex(0x22, span.parentId);
  to.text(0x2a, cut(span.name));
  to.byte(0x30);
  to.byte(span.kind);
  to.time(0x39, span.startedAt);
  to.time(0x41, span.endedAt);
  if (span.common) to.bytes((span.common.encoded ??= encodeCommon(span.common)) as Buffer);
  const { attributes } = span;
  for (let index = 0; index < attributes.length; index += 2)
    writeAttribute(to, 0x4a, attributes[index] as string, attributes[index + 1]!);
  for (const { traceId, spanId } of span.links ?? []) {
    to.byte(0x6a);
    const link = to.open();
    to.hex(0x0a, traceId);
    to.hex(0x12, spanId);
    to.close(link);
  }
  if (span.errorType) {
    to.byte(0x7a);
    const status = to.open();
    if (span.errorText) to.text(0x12, cut(span.errorText));
    to.byte(0x18);
    to.byte(2); // STATUS_CODE_ERROR
    to.close(status);
  }
  to.varint(0x85); // flags
  to.fixed32(span.flags);
  to.close(from);
}

function writeAttribute(to: ProtobufWriter, tag: number, name: string, value: Value): void {
  to.byte(tag);
  const from = to.open();
  to.text(0x0a, name);
  to.byte(0x12);
  const inner = to.open();
  if (typeof value === 'string') to.text(0x0a, cut(value));
  else if (typeof value === 'boolean') {
    to.byte(0x10);
    to.byte(value ? 1 : 0);
  } else if (Number.isSafeInteger(value) && value >= 0) {
    to.byte(0x18);
    to.varint(value);
  } else {
    to.byte(0x21);
    to.double(value);
  }
  to.close(inner);
  to.close(from);
}

function encodeCommon({ attributes }: Common): Buffer {
  const to = new ProtobufWriter(16 * 1024);
  for (const [name, value] of Object.entries(attributes)) writeAttribute(to, 0x4a, name, value);
  return Buffer.from(to.written());
}

/** ExportTraceServiceRequest, down to the first span. */
function head({ resource, scope }: Origin, spanBytes: number): Buffer {
  const within = new ProtobufWriter(HEAD_BYTES);
  within.byte(0x0a);
  const own = within.open();
  for (const [name, value] of Object.entries(resource)) writeAttribute(within, 0x0a, name, value);
  within.close(own);
  const named = new ProtobufWriter(HEAD_BYTES);
  named.byte(0x0a);
  const inner = named.open();
  named.text(0x0a, scope.name);
  named.text(0x12, scope.version);
  named.close(inner);
  within.byte(0x12);
  within.varint(named.length + spanBytes);
  within.bytes(named.written());
  const request = new ProtobufWriter(16);
  request.byte(0x0a);
  request.varint(within.length + spanBytes);
  return Buffer.concat([request.written(), within.written()]);
}
