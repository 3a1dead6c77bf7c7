import type { Span, Value } from './span';

/** How spans are written for the receiver: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export interface Encoding {
  contentType: string;
  add(span: Span): void;
  /** One more might have no room. */
  isFull(): boolean;
  /** The request's body, when all are added. */
  body(origin: Origin): Buffer;
}

/** Whose spans they are. */
export interface Origin {
  resource: Readonly<Record<string, Value>>;
  scope: { name: string; version: string };
}

/** In characters: https://opentelemetry.io/docs/specs/otel/common/#attribute-limits */
const LONGEST_VALUE = 2_048;

export const cut = (text: string): string =>
  text.length > LONGEST_VALUE ? text.slice(0, LONGEST_VALUE) : text;
