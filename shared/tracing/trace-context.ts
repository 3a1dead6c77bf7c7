import { randomFillSync } from 'node:crypto';

/** Where a span stands in a trace: https://www.w3.org/TR/trace-context/ */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** 16 hexadecimal digits. */
  spanId: string;
  /** The lowest bit says whether the trace is recorded. */
  flags: number;
  /** What other tracing systems want to be handed on: `tracestate`. */
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

const KEY = /^[a-z0-9](?:[a-z0-9_*/-]{0,255}|[a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}$/;
const MOST_MEMBERS = 32;
const LONG_MEMBER = 128;

/**
 * What does not follow the form counts as a whole as not there; what is too long loses its long members, then the last.
 * https://www.w3.org/TR/trace-context/#tracestate-header
 */
function readState(state: unknown): string | undefined {
  if (typeof state !== 'string') return undefined;
  const members = state
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter(Boolean);
  const pairs = members.map((member) => member.split('='));
  const isForm = pairs.every(
    ([key = '', value = '', more]) => KEY.test(key) && VALUE.test(value) && more === undefined,
  );
  const keys = new Set(pairs.map(([key]) => key));
  if (!isForm || keys.size < members.length || members.length > MOST_MEMBERS) return undefined;
  const tooLong = () => members.join(',').length > LONGEST;
  for (let at = members.length - 1; at >= 0 && tooLong(); at--)
    if (members[at]!.length > LONG_MEMBER) members.splice(at, 1);
  while (tooLong()) members.pop();
  return members.join(',') || undefined;
}

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
