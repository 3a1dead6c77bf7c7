import { existsSync, readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { parseServerUrl } from './server-url';

/** What a DATABASE_URL says, as libpq and Prisma mean it. */
export interface PostgresTarget {
  host?: string;
  port?: number;
  user?: string;
  password?: string;
  database?: string;
  /** Undefined: as PGSSLMODE says, else without TLS. */
  ssl?: ConnectionOptions | false;
  enableChannelBinding?: boolean;
  /** The schema that all tables are in, where it is not `public`. */
  schema?: string;
  /** Settings of the URL's own, as `-c name=value`. */
  options?: string;
  applicationName?: string;
  connectTimeoutMs?: number;
  /** Prisma's `connection_limit`. */
  poolSize?: number;
  /** Prisma's `pool_timeout`. */
  poolTimeoutMs?: number;
}

const KNOWN = new Set(
  (
    'host port user password dbname schema options application_name connect_timeout sslmode sslrootcert sslcert ' +
    'sslkey ssl uselibpqcompat channel_binding connection_limit pool_timeout pgbouncer client_encoding ' +
    'fallback_application_name'
  ).split(' '),
);

/**
 * Reads a DATABASE_URL (https://www.postgresql.org/docs/current/libpq-connect.html, and Prisma's parameters:
 * https://www.prisma.io/docs/orm/overview/databases/postgresql).
 * @throws {Error} with one line that says what is wrong and repeats no secret: what is not honoured is refused
 */
export function parsePostgresUrl(text: string): PostgresTarget {
  const url = parseServerUrl('DATABASE_URL', text, ['postgresql', 'postgres']);
  const given = url.searchParams;
  const names = [...new Set(given.keys())];
  const unknown = names.filter((name) => !KNOWN.has(name));
  if (unknown.length > 0)
    throw new Error(
      `has parameters that are not supported: ${unknown.map((name) => name.slice(0, 40)).join(', ')}`,
    );
  for (const name of names) if (given.getAll(name).length > 1) throw new Error(`says ${name} more than once`);
  if (given.get('pgbouncer') && given.get('pgbouncer') !== 'false')
    throw new Error(
      'says pgbouncer: a transaction pooler drops the settings of a session; name PostgreSQL itself instead',
    );
  const host = given.get('host') ?? decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '');
  if (host.includes(',')) throw new Error('names several hosts, which is not supported: name one');
  const schema = given.get('schema') ?? undefined;
  if (schema !== undefined && !/^[A-Za-z_][A-Za-z0-9_$-]{0,62}$/.test(schema))
    throw new Error('has a schema whose name is not letters, digits, "_", "$" and "-"');
  const target = {
    host: host || undefined,
    port: wholeNumber(given, 'port') ?? (Number(url.port) || undefined),
    user: given.get('user') ?? (decodeURIComponent(url.username) || undefined),
    password: given.get('password') ?? (decodeURIComponent(url.password) || undefined),
    database: given.get('dbname') ?? (decodeURIComponent(url.pathname.slice(1)) || undefined),
    ssl: tlsOf(given),
    enableChannelBinding: given.get('channel_binding') === 'require' ? true : undefined,
    schema: schema === 'public' ? undefined : schema,
    options: given.get('options') ?? undefined,
    applicationName: given.get('application_name') ?? undefined,
    connectTimeoutMs: milliseconds(wholeNumber(given, 'connect_timeout')),
    poolSize: wholeNumber(given, 'connection_limit') || undefined,
    poolTimeoutMs: milliseconds(wholeNumber(given, 'pool_timeout')),
  };
  return Object.fromEntries(Object.entries(target).filter(([, value]) => value !== undefined));
}

const milliseconds = (seconds: number | undefined) => (seconds ? seconds * 1_000 : undefined);

function wholeNumber(given: URLSearchParams, name: string): number | undefined {
  const text = given.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,6}$/.test(text)) throw new Error(`has a ${name} that is not a whole number`);
  return Number(text);
}

/** `sslmode` as libpq means it; node-postgres takes all but `disable` for `verify-full`. */
function tlsOf(given: URLSearchParams): ConnectionOptions | false | undefined {
  const mode = given.get('sslmode') ?? modeOf(given.get('ssl'));
  if (mode === null) {
    if (given.has('sslrootcert') || given.has('sslcert'))
      throw new Error('has certificates but no sslmode: add sslmode=verify-full');
    return undefined;
  }
  if (mode === 'disable') return false;
  if (mode === 'allow' || mode === 'prefer')
    throw new Error(
      `has sslmode=${mode}, which is not supported: say sslmode=disable, require or verify-full`,
    );
  if (!['require', 'verify-ca', 'verify-full', 'no-verify'].includes(mode))
    throw new Error('has an unknown sslmode: say disable, require, verify-ca or verify-full');
  const system = given.get('sslrootcert') === 'system';
  const ca = system ? undefined : certificate(given, 'sslrootcert');
  if (mode === 'verify-ca' && !ca)
    throw new Error(
      'has sslmode=verify-ca without sslrootcert: name the file of the authority’s certificate',
    );
  // As libpq: with a root certificate, `require` is `verify-ca`.
  const verifies = mode === 'verify-full' || mode === 'verify-ca' || (mode === 'require' && ca !== undefined);
  return {
    rejectUnauthorized: verifies,
    ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    ...(ca && { ca }),
    ...(given.has('sslcert') && { cert: certificate(given, 'sslcert') }),
    ...(given.has('sslkey') && { key: certificate(given, 'sslkey') }),
  };
}

const modeOf = (ssl: string | null) =>
  ssl === null
    ? null
    : ssl === 'true' || ssl === '1'
      ? 'verify-full'
      : ssl === 'false' || ssl === '0'
        ? 'disable'
        : ssl;

function certificate(given: URLSearchParams, name: string): string | undefined {
  const file = given.get(name);
  if (!file) return undefined;
  return readCertificate(file, name);
}

/** The text of a certificate or key. @throws {Error} naming the file and the setting that names it */
export function readCertificate(file: string, setting: string): string {
  if (!existsSync(file)) throw new Error(`names a file in ${setting} that does not exist: ${file}`);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(
      `names a file in ${setting} that cannot be read: ${file} (${(error as { code?: string }).code})`,
    );
  }
}
