import type { EventType } from '../../shared/events/contracts';
import type { RawProperties } from './raw-publisher';

/** A message that no consumer may do anything about. */
export interface BadMessage {
  /** What is bad about it. */
  kind: string;
  body: Buffer;
  properties: RawProperties;
  /** The reason that its dead letter has to give. */
  reason: string;
  /** Whether it is an event, whose type decides first: where that is not taken, the reason is `unknown_type`. */
  type?: EventType;
  /** It is bad for this service alone, and may go to no other. */
  only?: string;
}

/** JSON as it is written, in place of a value: what `JSON.stringify` would not write. */
export class RawJson {
  constructor(readonly text: string) {}
}

const PLACE = /"raw:([^"]*)"/g;

/** The JSON text of a value with raw parts in it. */
export function toJson(value: unknown): Buffer {
  const text = JSON.stringify(value, (_key, one: unknown) =>
    one instanceof RawJson ? `raw:${Buffer.from(one.text).toString('hex')}` : one,
  );
  return Buffer.from(text.replace(PLACE, (_all, hex: string) => Buffer.from(hex, 'hex').toString()));
}
