import { isNativeError } from 'node:util/types';
import { withSecretFiles } from './secret-files';
import { splitServers } from './server-url';

const HIDDEN = '[redacted]';
// To the last @ of the run: a password with / or # in it is no part of a URL, but it is still a password.
const LOGIN = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>]*@/gi;
/** A word as the name of a parameter may have it: each of its letters may be percent-encoded. */
const asWritten = (word: string) =>
  word.replace(/[a-z]/g, (letter) => `(?:${letter}|%${hexOf(letter)}|%${hexOf(letter.toUpperCase())})`);
const hexOf = (letter: string) => letter.charCodeAt(0).toString(16);
/** What names a secret wherever in a name it stands (`access_token`), and what does so as a word of its own (not `author`). */
const TELLING = 'token|secret|password|passwd|pwd|api(?:[-_.]|%2[DE]|%5F)?key|signature|credential';
const TELLING_ALONE = 'o?auth|authorization|sig';
/** The longest name that is looked at, on both sides of the word: a text cannot make this slow. */
const NAME = '[^\\s"\'<>?&#;=]{0,60}';
const QUERY_NAME = `[?&#;]${NAME}(?:${asWritten(TELLING)}|(?<![a-z])(?:${asWritten(TELLING_ALONE)})(?![a-z]))${NAME}=`;
/** Not the backslash of an escaped quotation mark: a line of JSON stays JSON. */
const QUERY_VALUE = '(?:[^&\\s"\'<>\\\\]|\\\\[^"\'nrt\\s])+';
/**
 * What callers of the API show to say who they are (keys, tokens, whatever follows `Bearer`), what webhooks
 * are signed with, Stripe's keys, and what a URL's query names as a secret.
 */
const CREDENTIAL = new RegExp(
  [
    String.raw`\bom_live_\w+`,
    String.raw`\bwhsec_[\w+/=-]+`,
    String.raw`\b[sr]k_(?:live|test)_\w+`,
    String.raw`\beyJ[\w-]+\.[\w-]+\.[\w-]*`,
    String.raw`(?<=\bbearer\s+)[\w.~+/=-]+`,
    String.raw`(?<=\bauthorization\W+basic\s+)[\w+/=-]+`,
    `(?<=${QUERY_NAME})${QUERY_VALUE}`,
  ].join('|'),
  'gi',
);
/** Without any of these there is none in a text, which is quicker to see: every line of the log is looked at. */
const HINTS = [
  'om_live_',
  'whsec_',
  'k_live_',
  'k_test_',
  'eyJ',
  'earer',
  'EARER',
  'uthorization',
  'UTHORIZATION',
  '=',
];
const SECRET_NAME = /(password|passwd|secret|token|authorization|connectionString|credentials)/i;
const SECRET_VARIABLE = /(PASSWORD|SECRET|TOKEN|_KEY)$/;
/** `name=value,name=value`, as OpenTelemetry has them: the values are the secrets. */
const HEADERS_VARIABLE = /_HEADERS$/;
const LISTS = new Set(['CARD_TOKEN_KEY']);
/** What is shorter would be found in words that are no secret. */
const LEAST = 4;
/** Of a line of the log: a shorter one, or a number, may be another field's value. */
const LEAST_OF_A_LINE = 8;
const DEEPEST = 6;

/** Replaces what it knows. */
type Redactor = (text: string) => string;
let ofTexts: Redactor | undefined;
let ofLines: Redactor | undefined;

/**
 * Takes this process's secrets from its environment. Called when the configuration is read; without that, when something
 * is first to be hidden.
 */
export function learnSecrets(environment: Record<string, string | undefined>): void {
  const known = secretsOf(environment);
  ofTexts = replacing(known);
  ofLines = replacing(known.filter((secret) => secret.length >= LEAST_OF_A_LINE && !/^\d+$/.test(secret)));
}

const learnedLate = () => learnSecrets(withSecretFiles(process.env).environment);

/** Hides the logins of URLs, and this process's own secrets wherever they stand in a text. */
export function redactText(text: string): string {
  if (!ofTexts) learnedLate();
  return withoutCredentials(ofTexts!(text));
}

/** The same for a whole line of JSON, which stays JSON: what is hidden is within its texts. */
export function redactLine(line: string): string {
  if (!ofLines) learnedLate();
  return withoutCredentials(ofLines!(line));
}

function withoutCredentials(text: string): string {
  const clean = text.includes('://') ? text.replace(LOGIN, `$1${HIDDEN}@`) : text;
  return HINTS.some((hint) => clean.includes(hint)) ? clean.replace(CREDENTIAL, HIDDEN) : clean;
}

function replacing(secrets: readonly string[]): Redactor {
  return (text) => {
    let clean = text;
    for (const secret of secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, HIDDEN);
    return clean;
  };
}

/** The secrets of an environment, in each way in which they may be told again, longest first. */
export function secretsOf(environment: Record<string, string | undefined>): string[] {
  const found = new Set<string>();
  const open = new Set<string>();
  for (const [name, value] of Object.entries(environment)) {
    if (!value) continue;
    if (SECRET_VARIABLE.test(name) || name === 'PGPASSWORD') found.add(value);
    if (LISTS.has(name)) for (const one of value.split(',')) found.add(one.trim());
    if (HEADERS_VARIABLE.test(name)) for (const header of headerValues(value)) found.add(header);
    if (name === 'SLACK_WEBHOOK_URL') for (const part of partsOfSlack(value)) found.add(part);
    // Several brokers may be given, each with its own login.
    for (const url of splitServers(value)) readUrl(url, found, open);
  }
  const told = [...found].filter((secret) => !open.has(secret)).flatMap(waysToTell);
  return [...new Set(told)]
    .filter((secret) => secret.length >= LEAST && !open.has(secret))
    .sort((a, b) => b.length - a.length);
}

/** Of `name=value,name2=value2`; a scheme such as `Bearer` is no part of the secret. */
const headerValues = (text: string): string[] =>
  text.split(',').flatMap((pair) => {
    const value = pair.slice(pair.indexOf('=') + 1).trim();
    return [value, decoded(value).replace(/^\w+ +/, '')];
  });

function readUrl(text: string, found: Set<string>, open: Set<string>): void {
  const [, user, password] = /^[a-z0-9+.-]+:\/\/([^:@/]*):(.*)@/i.exec(text) ?? [];
  if (password) found.add(password);
  const [, inQuery] = /^[a-z0-9+.-]+:\/\/[^\s]*[?&](?:ssl)?password=([^&]+)/i.exec(text) ?? [];
  if (inQuery) found.add(inQuery);
  const [, login] = /^[a-z0-9+.-]+:\/\/([^:@/]+)@/i.exec(text) ?? [];
  const path = /^[a-z0-9+.-]+:\/\//i.test(text) ? text.split(/[/?]/)[3] : undefined;
  for (const part of [user, login, path]) if (part) open.add(part);
}

/** All of it, its path, and the last part, which is what others must not know. */
function partsOfSlack(url: string): string[] {
  const path = /^https?:\/\/[^/]+(\/.+)$/.exec(url)?.[1];
  return path ? [url, path, path.slice(path.lastIndexOf('/') + 1)] : [url];
}

/**
 * A secret as it is given and as it is meant, written for a URL, for JSON, and within base64: there it looks in three
 * ways, by what stands before it.
 */
function waysToTell(given: string): string[] {
  const meant = decoded(given);
  return [...new Set([given, meant])].flatMap((secret) => {
    const forUrl = encodeURIComponent(secret.toWellFormed());
    const ways = [secret, forUrl, forUrl.replaceAll('%20', '+'), inLowerHex(forUrl), userInfo(secret)];
    return [...ways, ...inBase64(secret)].flatMap((way) => [way, JSON.stringify(way).slice(1, -1)]);
  });
}

const inLowerHex = (text: string) => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());

/** As the URL class writes it. */
function userInfo(secret: string): string {
  const url = new URL('amqp://user@host');
  url.password = secret;
  return url.password;
}

const LEAST_BASE64 = 8;

function inBase64(secret: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
    // The first and last characters have bits of what stands beside it.
    const from = before === 0 ? 0 : before + 1;
    const whole = bytes.length % 3 === 0 ? undefined : -1;
    const text = bytes.toString('base64').replace(/=+$/, '').slice(from, whole);
    return text.length < LEAST_BASE64 ? [] : [text, text.replaceAll('+', '-').replaceAll('/', '_')];
  });
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
