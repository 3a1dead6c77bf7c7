import { newSpanId, newTraceId, SAMPLED, writeTraceparent, type TraceContext } from './trace-context';

/** https://opentelemetry.io/docs/specs/otel/trace/api/#spankind, as OTLP numbers them. */
export const KIND = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

export type Value = string | number | boolean;

/** Attributes that many spans have in common, so that they are encoded once. */
export class Common {
  /** As the exporter writes them. */
  encoded: Buffer | string | undefined;
  constructor(readonly attributes: Readonly<Record<string, Value>>) {}
}

/** More need not be told about one span: https://opentelemetry.io/docs/specs/otel/common/#attribute-limits */
const MOST_LINKS = 128;

/**
 * A piece of work as it is told to a trace store. There are only such as are recorded: whoever has none, because nobody
 * traces or the trace is not sampled, has `undefined`.
 */
export class Span implements TraceContext {
  readonly spanId = newSpanId();
  readonly parentId: string | undefined;
  readonly flags: number;
  readonly state: string | undefined;
  /** In milliseconds since 1970, with a fraction. */
  readonly startedAt: number;
  endedAt = 0;
  /** Names and values by turns. */
  readonly attributes: (string | Value)[] = [];
  links: TraceContext[] | undefined;
  /** Of the OpenTelemetry conventions; set where it failed. */
  errorType: string | undefined;
  errorText: string | undefined;
  #begunAt = performance.now();

  constructor(
    public name: string,
    readonly kind: Kind,
    readonly traceId: string,
    parent: TraceContext | undefined,
    public common: Common | undefined,
    private readonly recorder: Recorder,
  ) {
    this.parentId = parent?.spanId;
    this.flags = (parent?.flags ?? 0) | SAMPLED;
    this.state = parent?.state;
    this.startedAt = recorder.clock(this.#begunAt);
  }

  /** `traceparent` for what is caused by it. */
  get traceparent(): string {
    return writeTraceparent(this);
  }

  set(name: string, value: Value | null | undefined): this {
    if (value !== undefined && value !== null && this.endedAt === 0) this.attributes.push(name, value);
    return this;
  }

  link(to: TraceContext | undefined): this {
    if (to && this.endedAt === 0 && (this.links ??= []).length < MOST_LINKS) this.links.push(to);
    return this;
  }

  /** It failed. @param type of a small number of words: an error's code or name @param text what is told to people, without secrets */
  fail(type: string, text?: string): this {
    if (this.endedAt > 0) return this;
    this.errorType = type;
    this.errorText = text;
    return this.set('error.type', type);
  }

  /** Hands it over to be sent. A second time it does nothing. */
  end(): void {
    if (this.endedAt > 0) return;
    this.endedAt = this.startedAt + (performance.now() - this.#begunAt);
    this.recorder.take(this);
  }
}

/** What records spans: there is one where tracing is on. */
export interface Recorder {
  /** Whether this trace is recorded, which began elsewhere, with this parent, or begins here. */
  samples(traceId: string, parent: TraceContext | undefined): boolean;
  /** performance.now() as milliseconds since 1970. */
  clock(now: number): number;
  take(span: Span): void;
}

let recorder: Recorder | undefined;

/** Turns tracing on, or off. */
export function recordWith(one: Recorder | undefined): void {
  recorder = one;
}

export const isTracing = (): boolean => recorder !== undefined;

/**
 * Begins a span beneath another one, of this process or another; a trace, where there is none.
 * @returns undefined where nobody traces, or the trace is not sampled
 */
export function startSpan(
  name: string,
  kind: Kind,
  parent?: TraceContext,
  common?: Common,
): Span | undefined {
  if (!recorder) return undefined;
  const traceId = parent?.traceId ?? newTraceId();
  if (!(parent instanceof Span) && !recorder.samples(traceId, parent)) return undefined;
  return new Span(name, kind, traceId, parent, common, recorder);
}

/** Begins a trace of work that belongs to several, of which at least one is sampled: links say to which. */
export const startBatch = (name: string, common?: Common): Span | undefined =>
  recorder && new Span(name, KIND.internal, newTraceId(), undefined, common, recorder);

/** The fields by which a log line is found from its span. */
export const spanLogFields = (span: TraceContext | undefined) =>
  span ? { trace_id: span.traceId, span_id: span.spanId } : undefined;

/** What an error is called in `error.type`: its code, or its class. */
export function errorTypeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return [code, name].find((one): one is string => typeof one === 'string' && one.length < 60) ?? 'unknown';
}
