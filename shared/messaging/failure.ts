import { redactText } from '../service/redact';

/**
 * The one place where a failure is given its kind (and so its treatment):
 *
 * - `permanent`: trying again cannot help. Dead letter at once.
 * - `infrastructure`: the database or the broker is away, or a deadlock broke the transaction. Nobody's
 *   fault: wait and take the same work up again, spending no attempt.
 * - `transient`: anything else; this message failed this time. Retried with delays, a bounded number of times.
 */
export type FailureKind = 'permanent' | 'infrastructure' | 'transient';

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
const PRISMA_CODES = /^(P1\d{3}|P2024|P2028|P2034|P2037)$/;
// PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html
// 08 connection, 25006 read-only (a failover), 40001/40P01 serialisation and deadlock, 53 resources,
// 55P03 lock not available, 57014 cancelled, 57P operator intervention, 58 system.
const SQL_STATES = /^(08...|25006|40001|40P01|53...|55P03|57014|57P..|58...)$/;
const SYSTEM_CODES = /^(ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;
// The driver adapter names some SQL states instead of passing them on.
const ADAPTER_KINDS = new Set([
  'TransactionWriteConflict',
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  'TlsConnectionError',
]);
const DRIVER_MESSAGES =
  /connection terminated|timeout exceeded when trying to connect|query read timeout|client has encountered a connection error|not queryable/i;

export function failureKind(error: unknown): FailureKind {
  if (error instanceof PermanentError) return 'permanent';
  return chain(error).some(isInfrastructure) ? 'infrastructure' : 'transient';
}

function isInfrastructure(error: Record<string, unknown>): boolean {
  const codes = [error.code, error.originalCode].filter((code): code is string => typeof code === 'string');
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

/** The first line of what went wrong, short enough for a header and a log. */
export function briefly(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // Prisma puts the call first and the cause last.
  const line =
    message
      .split('\n')
      .map((part) => part.trim())
      .filter(Boolean)
      .at(-1) ?? 'unknown error';
  return redactText(line).slice(0, 500);
}
