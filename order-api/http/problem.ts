import { problemPage, problemUrn, type ProblemType } from './problem-types';

/** One bad field of a request. */
export interface FieldError {
  /** JSON Pointer (RFC 6901) as a URI fragment: `#/items/0/quantity`; `#` is the whole. */
  pointer: string;
  detail: string;
  /** Where the field is; the body unless said otherwise. */
  in?: 'path' | 'query' | 'header';
}

/** An answer that is an error: RFC 9457, `application/problem+json`. Thrown anywhere in a request. */
export class Problem extends Error {
  override name = 'Problem';
  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
    readonly options: {
      /** Names the kind of problem, where the status says too little. */
      type?: ProblemType;
      errors?: FieldError[];
      /** Further members of the answer. */
      members?: Record<string, unknown>;
      headers?: Record<string, string>;
    } = {},
  ) {
    super(detail);
  }

  toJSON(): Record<string, unknown> {
    const { type, errors, members } = this.options;
    return {
      type: type ? problemUrn(type) : 'about:blank',
      title: this.title,
      status: this.status,
      detail: this.message,
      ...(type ? { help: problemPage(type) } : {}),
      ...members,
      ...(errors ? { errors } : {}),
    };
  }
}

/** More than can be taken on; nothing of the request was done. */
export const overloaded = (why: string, retryAfterSeconds: number) =>
  new Problem(503, 'Service Unavailable', `${why} Nothing was done; try again after \`Retry-After\`.`, {
    type: OVERLOADED,
    headers: { 'Retry-After': String(retryAfterSeconds) },
  });

export const OVERLOADED = 'overloaded';

/** What OpenAPI says of a 503. */
export const UNAVAILABLE =
  'The database does not answer: look before you repeat what was to be changed, for it may have been';

export const notFound = (what: string) => new Problem(404, 'Not Found', what);

/** The request can be read but not be done: which fields, and why. */
export const unprocessable = (errors: FieldError[]) =>
  invalid(422, 'Unprocessable Content', 'invalid-request', errors);

/** The address itself is wrong: a path or query parameter. */
export const badParameters = (errors: FieldError[]) =>
  invalid(400, 'Bad Request', 'invalid-parameters', errors);

/** More than any request made in earnest can have; a body made of nothing but errors must not be answered with megabytes. */
const MOST_LISTED = 1_000;

function invalid(status: number, title: string, type: ProblemType, errors: FieldError[]): Problem {
  const [first, ...more] = errors;
  const listed = errors.length > MOST_LISTED ? `; the first ${MOST_LISTED} are listed` : '';
  const detail =
    first && more.length === 0
      ? `${first.pointer}: ${first.detail}`
      : `${errors.length} fields are not valid${listed}.`;
  return new Problem(status, title, detail, { type, errors: errors.slice(0, MOST_LISTED) });
}
