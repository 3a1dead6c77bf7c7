import { randomFillSync } from 'node:crypto';

/** Where a span stands in a trace: https://www.w3.org/TR/trace-context/ */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** 16 hexadecimal digits. */
  spanId: string;
  /** The lowest bit says whether the trace is recorded. */
  flags: number;
  /** What other tracing systems want to be handed on: `tracestate`, as it came. */
  state?: string | undefined;
}

export const SAMPLED = 0x01;
/** Level 2: the trace id is random enough to sample by. */
const RANDOM = 0x02;

// A later version may have more behind the flags, and is read as far as it is known.
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;
const LENGTH = 55;
const LONGEST = 512;

/** @returns undefined where `traceparent` is none; `tracestate` counts with it alone */
export function readTraceContext(traceparent: unknown, tracestate?: unknown): TraceContext | undefined {
  if (typeof traceparent !== 'string' || traceparent.length > LONGEST) return undefined;
  const [, version, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (!traceId || !spanId || !flags || (version === '00' && traceparent.length > LENGTH)) return undefined;
  return { traceId, spanId, flags: parseInt(flags, 16) & (SAMPLED | RANDOM), state: readState(tracestate) };
}

/** https://www.w3.org/TR/trace-context/#tracestate-header: longer ones need not be handed on. */
const readState = (state: unknown): string | undefined =>
  typeof state === 'string' && /^[\x20-\x7e]{1,512}$/.test(state) && state.includes('=') ? state : undefined;

export const writeTraceparent = ({ traceId, spanId, flags }: TraceContext): string =>
  `00-${traceId}-${spanId}-0${flags}`;

export const newTraceId = (): string => randomHex(16);

export const newSpanId = (): string => randomHex(8);

// Asked for by the page: a call for each id is a twentieth of what placing an order costs.
const page = Buffer.alloc(4_096);
let taken = page.length;

function randomHex(bytes: number): string {
  if (taken + bytes > page.length) {
    randomFillSync(page);
    taken = 0;
  }
  taken += bytes;
  return page.toString('hex', taken - bytes, taken);
}
