import { z } from 'zod';

/** Longer than any value; what is longer is no value. */
const LONGEST_VALUE = 64;

declare const values: unique symbol;

/**
 * A value as it was read, of a list that may have grown since this was compiled (ADR 15). The compiler lets nobody
 * compare it with the values known here: whoever decides by it asks {@link known}, and so has to do without an
 * answer. `String()` shows it; handed on, it stays what it is.
 */
export interface Growing<T extends string> {
  readonly [values]: T;
  toString(): string;
}

/** What {@link known} makes of a member. */
type Known<G> = G extends Growing<infer T> ? T : G;

/** At run time a known value is its string, and any other one of these, so that no writer makes one up by accident. */
class UnknownValue {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
  toJSON(): string {
    return this.text;
  }
}

let writing = false;

/** Validates as whoever writes: with no other values than are known here, or were handed on. */
export function asWriter<T>(validate: () => T): T {
  writing = true; // nothing waits in between, so that nobody reads meanwhile
  try {
    return validate();
  } finally {
    writing = false;
  }
}

/**
 * One of some values, to which others may be added without a new version of the event. Whoever reads takes any text
 * as a value; whoever writes can write what is known here, or hand on what was read.
 */
export function growing<T extends string>(known: readonly T[]): z.ZodType<Growing<T>, T | Growing<T>> {
  const isKnown = new Set<unknown>(known);
  return z
    .unknown()
    .transform((value, context) => {
      if (isKnown.has(value) || value instanceof UnknownValue) return value as Growing<T>;
      if (!writing && typeof value === 'string' && value !== '' && value.length <= LONGEST_VALUE)
        return new UnknownValue(value) as unknown as Growing<T>;
      const message = writing
        ? `is none of ${known.join(', ')}`
        : `is no text of 1 to ${LONGEST_VALUE} characters`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .meta({
      type: 'string',
      minLength: 1,
      maxLength: LONGEST_VALUE,
      description: 'Values may be added: expect others',
      'x-extensible-enum': [...known],
    }) as z.ZodType<Growing<T>, T | Growing<T>>;
}

/** A value is not known here; a newer instance of the service may know it, so that it is worth trying again. */
export class UnknownValueError extends Error {
  override name = 'UnknownValueError';
}

/**
 * A member, for whoever decides by it.
 * @throws {UnknownValueError} for a value that this version does not know: the event is tried again later
 */
export function known<D extends object, M extends keyof D & string>(data: D, member: M): Known<D[M]> {
  const value: unknown = data[member];
  if (value instanceof UnknownValue)
    throw new UnknownValueError(
      `${member} is ${JSON.stringify(value.text)}, which this version does not know`,
    );
  return value as Known<D[M]>;
}
