import type { z } from 'zod';
import { badParameters, unprocessable, type FieldError } from './problem';

/** Checks a body. @throws {Problem} 422 with every bad field */
export function validBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body, PARSING);
  if (!result.success) throw unprocessable(fieldErrors(result.error.issues));
  return result.data;
}

/** Checks path or query parameters. @throws {Problem} 400 with every bad one */
export function validParameters<S extends z.ZodType>(
  schema: S,
  parameters: unknown,
  place: 'path' | 'query',
): z.output<S> {
  const result = schema.safeParse(parameters, PARSING);
  if (!result.success)
    throw badParameters(
      fieldErrors(result.error.issues, [], 'parameter').map((error) => ({ ...error, in: place })),
    );
  return result.data;
}

const NOUNS: Record<string, string> = {
  object: 'an object',
  array: 'a list',
  string: 'one string',
  boolean: 'true or false',
};

/** `reportInput` tells a missing field from a wrong one; `error` words what a schema does not word itself. */
const PARSING: z.core.ParseContext<z.core.$ZodIssue> = {
  reportInput: true,
  error: (issue) =>
    issue.code === 'invalid_type' ? `must be ${NOUNS[issue.expected] ?? `a ${issue.expected}`}` : undefined,
};

function fieldErrors(
  issues: readonly z.core.$ZodIssue[],
  within: readonly PropertyKey[] = [],
  noun = 'field',
): FieldError[] {
  return issues.flatMap((issue): FieldError[] => {
    const path = [...within, ...issue.path];
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => ({
          pointer: pointer([...path, key]),
          detail: `is not a known ${noun}`,
        }));
      case 'invalid_key':
        return issue.issues.map(({ message }) => ({ pointer: pointer(path), detail: `its name ${message}` }));
      case 'invalid_union': {
        // Of several shapes, the one that the value has says best what is wrong inside it.
        const meant = issue.errors.find(
          (branch) => !branch.some((inner) => inner.code === 'invalid_type' && inner.path.length === 0),
        );
        if (meant) return fieldErrors(meant, path);
      }
    }
    const missing = issue.input === undefined && path.length > 0;
    return [{ pointer: pointer(path), detail: missing ? `is required and ${issue.message}` : issue.message }];
  });
}

/** RFC 6901, section 6: as a URI fragment. Half a surrogate pair, which no URI can hold, becomes U+FFFD. */
export const pointer = (path: readonly PropertyKey[]): string =>
  '#' +
  path
    .map(
      (part) =>
        '/' + encodeURIComponent(String(part).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')),
    )
    .join('');
