import { isNativeError } from 'node:util/types';
import { redactText } from '../service/redact';
import { storableText } from '../storable-text';

/**
 * The one place where a failure is given its kind (and so its treatment):
 *
 * - `permanent`: trying again cannot help. Dead letter at once.
 * - `infrastructure`: the database or the broker is away, a deadlock broke the transaction, or something that every
 *   event needs is missing (a grant, a table, a column). Nobody's fault: wait and take the same work up again,
 *   spending no attempt.
 * - `contention`: a lock was not to be had, or a statement took too long. If only some events meet it, it is theirs
 *   and the others go on; if all do, it is the infrastructure's.
 * - `transient`: anything else; this message failed this time. Retried with delays, a bounded number of times.
 */
export type FailureKind = 'permanent' | 'infrastructure' | 'contention' | 'transient';

/** Thrown by a handler for an event that can never be handled; `reason` is a short snake_case code. */
export class PermanentError extends Error {
  override name = 'PermanentError';
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

// Prisma: https://www.prisma.io/docs/orm/reference/error-reference
const PRISMA_CODES = /^(P1\d{3}|P202[1248]|P2034|P2037)$/;
// PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html
// 08 connection, 0A000 a statement planned before a migration, or a standby that is to write, 25006 read-only (a failover), 25P03 and 25P04 a transaction that idled or ran for too long,
// 28 authorization (a rotated password), 3D/3F no such database or schema, 40001/40P01 serialisation and deadlock,
// 42501 no grant, 42P01/42703/42883 no such table, column or function, 53 resources, 55000 not in a state for it,
// 57P operator intervention, 58 system.
const SQL_STATES =
  /^(08...|0A000|25006|25P0[34]|28...|3D000|3F000|40001|40P01|42501|42P01|42703|42883|53...|55000|57P..|58...)$/;
// Of these: no grant, no such table, column or function.
const MISSING = /^(42501|42P01|42703|42883)$/;
const MISSING_KINDS = new Set(['TableDoesNotExist', 'ColumnNotFound']);
// 55P03 lock not available, 57014 cancelled: lock_timeout and statement_timeout.
const CONTENTION = /^(55P03|57014)$/;
const SYSTEM_CODES = /^(ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;
// The driver adapter names some SQL states instead of passing them on.
const ADAPTER_KINDS = new Set([
  'TransactionWriteConflict',
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  'TlsConnectionError',
  'DatabaseDoesNotExist',
  'DatabaseAccessDenied',
  'AuthenticationFailed',
  'TableDoesNotExist',
  'ColumnNotFound',
]);
const DRIVER_MESSAGES =
  /connection terminated|timeout exceeded when trying to connect|query read timeout|client has encountered a connection error|not queryable/i;

export function failureKind(error: unknown): FailureKind {
  if (error instanceof PermanentError) return 'permanent';
  const causes = chain(error);
  if (causes.some((cause) => codesOf(cause).some((code) => CONTENTION.test(code)))) return 'contention';
  return causes.some(isInfrastructure) ? 'infrastructure' : 'transient';
}

/** Whether the same work may well succeed later, with nothing wrong about it: see the kinds above. */
export function isPassing(error: unknown): boolean {
  const kind = failureKind(error);
  return kind === 'infrastructure' || kind === 'contention';
}

/** Of contention: whether it was a lock (`lock_timeout`) rather than a long statement. */
export const isLockTimeout = (error: unknown): boolean =>
  chain(error).some((cause) => codesOf(cause).includes('55P03'));

/** Whether something that the work needs is missing in the database: then nothing of it was done. */
export const isMissing = (error: unknown): boolean =>
  chain(error).some(
    (cause) => codesOf(cause).some((code) => MISSING.test(code)) || MISSING_KINDS.has(String(cause.kind)),
  );

/** What PostgreSQL calls it, where it was PostgreSQL that failed it. */
export const sqlStateOf = (error: unknown): string | undefined =>
  chain(error)
    .flatMap(codesOf)
    .find((code) => /^(?!P[1-9])[0-9A-Z]{5}$/.test(code));

const codesOf = (error: Record<string, unknown>) =>
  [error.code, error.originalCode].filter((code): code is string => typeof code === 'string');

function isInfrastructure(error: Record<string, unknown>): boolean {
  const codes = codesOf(error);
  if (codes.some((code) => PRISMA_CODES.test(code) || SQL_STATES.test(code) || SYSTEM_CODES.test(code)))
    return true;
  if (typeof error.kind === 'string' && ADAPTER_KINDS.has(error.kind)) return true;
  return typeof error.message === 'string' && DRIVER_MESSAGES.test(error.message);
}

/** The error and what it wraps: `cause`, and Prisma's `meta.driverAdapterError`. */
function chain(error: unknown, depth = 0): Record<string, unknown>[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  const record = error as Record<string, unknown>;
  const meta = record.meta as Record<string, unknown> | undefined;
  return [record, ...chain(record.cause, depth + 1), ...chain(meta?.driverAdapterError, depth + 1)];
}

const DEEPEST = 5;
const MOST_GATHERED = 4;

/** What went wrong and what it comes from, in one line that is short enough for a header and a log. */
export const briefly = (error: unknown): string => storableText(redactText(inOneLine(error)));

/**
 * With its causes: `fetch` itself says no more than "fetch failed", and a connection to several addresses nothing at all.
 */
function inOneLine(error: unknown, above: readonly unknown[] = []): string {
  if (!isError(error)) return lastLine(String(error)) || 'unknown error';
  const { message, cause, errors, code } = error as Error & Record<'errors' | 'code', unknown>;
  const own = lastLine(message);
  const gathered: unknown[] = Array.isArray(errors) ? errors.slice(0, MOST_GATHERED) : [];
  const path = [...above, error];
  const beneath = path.length > DEEPEST ? [] : [...(isError(cause) ? [cause] : []), ...gathered];
  const others = beneath.filter((one) => !path.includes(one));
  const reasons = [...new Set(others.map((one) => inOneLine(one, path)))];
  const told = [own, reasons.filter((reason) => !own.includes(reason)).join('; ')].filter(Boolean).join(': ');
  const named = typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code) ? code : undefined;
  if (!told) return named ?? 'unknown error';
  // Of a certificate's trouble, the code is what people look for.
  return above.length > 0 && named && !told.includes(named) ? `${told} (${named})` : told;
}

/** Also one of another realm, as Node.js throws them beneath the tests. */
const isError = (error: unknown): error is Error => error instanceof Error || isNativeError(error);

/** Prisma puts the call first and the cause last. */
const lastLine = (message: string): string =>
  message
    .split('\n')
    .map((part) => part.trim())
    .filter(Boolean)
    .at(-1) ?? '';
