/** One bad field of a request. */
export interface FieldError {
  /** JSON Pointer as a URI fragment: `#/items/0/quantity`. */
  pointer: string;
  detail: string;
  in?: 'path' | 'query' | 'header';
}

interface Shortage {
  menu_item_id: string;
  name: string;
  requested: number;
  available: number;
}

interface PricedLine {
  menu_item_id: string;
  sku: string | null;
  name: string;
  price: string;
  quantity: number;
  note: string | null;
}

/** Problems that have a name, with the members that theirs have beside those of all. More may be added. */
export interface ProblemMembers {
  'invalid-json': object;
  'invalid-parameters': { errors: FieldError[] };
  'invalid-request': { errors: FieldError[] };
  'illegal-move': { current_status: string; allowed_statuses: string[] };
  'not-a-draft': { current_status: string };
  'not-orderable': { items: { menu_item_id: string; name: string; problem: string }[] };
  'price-changed': { total_amount: number; currency: string; items: PricedLine[] };
  'restaurant-closed': object;
  'out-of-stock': { shortages: Shortage[] };
  'sku-taken': { errors: FieldError[] };
  'version-mismatch': { current_version?: number };
  'too-many-webhooks': object;
  'webhook-off': object;
  'idempotency-key-reused': object;
  'idempotency-key-in-use': object;
  unauthenticated: object;
  forbidden: object;
  'rate-limited': object;
  overloaded: object;
  paused: object;
  'card-payments-not-set-up': object;
}
export type ProblemName = keyof ProblemMembers;

/** What every problem says (RFC 9457). */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance?: string;
  correlation_id?: string;
  errors?: FieldError[];
  [member: string]: unknown;
}

const PREFIX = 'urn:ordermesh:problem:';

/** An answer that is no success. {@link isProblem} tells which, and gives its members their types. */
export class ProblemError extends Error {
  override name = 'ProblemError';
  /** Its name, such as `price-changed`; `about:blank` where the status says it all. */
  readonly type: string;
  constructor(
    readonly status: number,
    readonly body: ProblemBody,
    readonly headers: Headers,
  ) {
    super(body.detail || body.title || `the answer is ${status}`);
    this.type = body.type.startsWith(PREFIX) ? body.type.slice(PREFIX.length) : body.type;
  }
}

/** Whether something that was thrown is the problem of a name. */
export function isProblem<N extends ProblemName>(
  error: unknown,
  name: N,
): error is ProblemError & { type: N; body: ProblemBody & ProblemMembers[N] } {
  return error instanceof ProblemError && error.type === name;
}

/** The problem that an answer is; what is no problem (a proxy's page) becomes one. */
export async function problemOf(response: Response): Promise<ProblemError> {
  return problemFrom(response, await response.text().catch(() => ''));
}

export function problemFrom(response: Response, text: unknown): ProblemError {
  const body = typeof text === 'string' ? parse(text) : text;
  const isProblemBody = typeof (body as { type?: unknown } | null | undefined)?.type === 'string';
  const known = isProblemBody ? (body as ProblemBody) : undefined;
  const title = response.statusText || `HTTP ${response.status}`;
  const unknown = { type: 'about:blank', title, status: response.status, detail: '' };
  return new ProblemError(response.status, known ?? unknown, response.headers);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
