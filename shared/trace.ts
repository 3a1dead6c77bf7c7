import { randomFillSync } from 'node:crypto';

// W3C Trace Context, level 1: https://www.w3.org/TR/trace-context/#traceparent-header
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

/** A `traceparent` for the next step: the same trace with a new parent id, or a new trace where there is none. */
export function nextTraceparent(parent?: string): string {
  const match = parent ? TRACEPARENT.exec(parent) : null;
  const trace = match?.[1] ?? randomHex(16);
  return `00-${trace}-${randomHex(8)}-${match?.[2] ?? '01'}`;
}

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
