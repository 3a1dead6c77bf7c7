import { randomBytes } from 'node:crypto';

// W3C Trace Context, level 1: https://www.w3.org/TR/trace-context/#traceparent-header
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

/** A `traceparent` for the next step: the same trace with a new parent id, or a new trace where there is none. */
export function nextTraceparent(parent?: string): string {
  const match = parent ? TRACEPARENT.exec(parent) : null;
  const trace = match?.[1] ?? randomBytes(16).toString('hex');
  return `00-${trace}-${randomBytes(8).toString('hex')}-${match?.[2] ?? '01'}`;
}
