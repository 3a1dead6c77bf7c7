import { isNativeError } from 'node:util/types';
import { withSecretFiles } from './secret-files';

const HIDDEN = '[redacted]';
// To the last @ of the run: a password with / or # in it is no part of a URL, but it is still a password.
const LOGIN = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>]*@/gi;
/** What callers of the API show to say who they are (keys, tokens, whatever follows `Bearer`), and what webhooks are signed with. */
const CREDENTIAL =
  /\bom_live_\w+|\bwhsec_[\w+/=-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=\bbearer\s+)[\w.~+/=-]+/gi;
const SECRET_NAME = /(password|passwd|secret|token|authorization|connectionString|credentials)/i;
const SECRET_VARIABLE = /(PASSWORD|SECRET|TOKEN|_KEY)$/;
/** What is shorter would be found in words that are no secret. */
const LEAST = 4;
const DEEPEST = 6;

let known: string[] | undefined;

/** Hides the logins of URLs, and this process's own secrets wherever they stand in a text. */
export function redactText(text: string): string {
  known ??= secretsOf(withSecretFiles(process.env).environment);
  let clean = text.includes('://') ? text.replace(LOGIN, `$1${HIDDEN}@`) : text;
  clean = clean.replace(CREDENTIAL, HIDDEN);
  for (const secret of known) if (clean.includes(secret)) clean = clean.replaceAll(secret, HIDDEN);
  return clean;
}

/** The secrets of an environment, as they are given and as they are meant, longest first. */
export function secretsOf(environment: Record<string, string | undefined>): string[] {
  const found = new Set<string>();
  const open = new Set<string>();
  for (const [name, value] of Object.entries(environment)) {
    if (!value) continue;
    if (SECRET_VARIABLE.test(name) || name === 'PGPASSWORD') found.add(value);
    if (!name.endsWith('_URL')) continue;
    if (name === 'SLACK_WEBHOOK_URL') found.add(value);
    const [, user, password] = /^[a-z0-9+.-]+:\/\/([^:@/]*):(.*)@/i.exec(value) ?? [];
    if (password) found.add(password);
    for (const part of [user, value.split(/[/?]/)[3]]) if (part) open.add(part);
  }
  const given = [...found];
  for (const secret of given) {
    found.add(encodeURIComponent(secret.toWellFormed()));
    found.add(decoded(secret));
  }
  return [...found]
    .filter((secret) => secret.length >= LEAST && !open.has(secret))
    .sort((a, b) => b.length - a.length);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * An error as it may be told: its message, stack and own fields, its causes and the errors that it gathers, without
 * secrets in any of them. Anything else that was thrown comes back as a value that is as safe.
 */
export function redactError(error: unknown): unknown {
  return redactValue(error, 0, new Set());
}

function redactValue(value: unknown, depth: number, seen: Set<object>): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (seen.has(value)) return '[circular]';
  if (depth > DEEPEST) return '[…]';
  seen.add(value);
  const inner = Array.isArray(value)
    ? value.slice(0, 100).map((one) => redactValue(one, depth + 1, seen))
    : redactFields(value, depth, seen);
  seen.delete(value);
  return inner;
}

function redactFields(value: object, depth: number, seen: Set<object>): object {
  const fields: Record<string, unknown> = {};
  if (isNativeError(value)) {
    fields.type = value.constructor?.name || value.name;
    fields.message = redactText(String(value.message));
    fields.stack = redactText(String(value.stack));
    if (value.cause !== undefined) fields.cause = redactValue(value.cause, depth + 1, seen);
    const { errors } = value as { errors?: unknown };
    if (Array.isArray(errors)) fields.aggregateErrors = redactValue(errors, depth + 1, seen);
  } else if (
    Object.getPrototypeOf(value) !== Object.prototype &&
    Object.getPrototypeOf(value) !== null &&
    depth > 0
  )
    return { type: value.constructor?.name }; // a client, a socket: it holds its configuration
  for (const [name, one] of Object.entries(value)) {
    if (name in fields || name === 'errors') continue;
    fields[name] = isSecret(name, value) ? HIDDEN : redactValue(one, depth + 1, seen);
  }
  return fields;
}

/** Also what was not understood: of ERR_INVALID_URL, a zod issue or a statement's parameters it may be all there was. */
const isSecret = (name: string, owner: object) =>
  SECRET_NAME.test(name) ||
  name === 'config' ||
  ((name === 'input' || name === 'base' || name === 'values') && ('code' in owner || isNativeError(owner)));
