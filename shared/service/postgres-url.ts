import { existsSync, readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { parseServerUrl, splitServers } from './server-url';

/** What a DATABASE_URL says, as libpq and Prisma mean it. */
export interface PostgresTarget {
  /** The first that it names. */
  host?: string;
  port?: number;
  /** All of them, where it names several. */
  hosts?: PostgresHost[];
  /** libpq's `target_session_attrs`. */
  wants?: WantedServer;
  /** Prisma's `pgbouncer=true`: it is said to be a pooler. */
  pooled?: boolean;
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

export interface PostgresHost {
  host: string;
  port: number;
}

/** Which of several servers is meant, in libpq's words. */
export type WantedServer = 'any' | 'read-write' | 'primary' | 'read-only' | 'standby' | 'prefer-standby';
const WANTED: readonly string[] = ['any', 'read-write', 'primary', 'read-only', 'standby', 'prefer-standby'];
const DEFAULT_PORT = 5432;

const KNOWN = new Set(
  (
    'host port user password dbname schema options application_name connect_timeout sslmode sslrootcert sslcert ' +
    'sslkey ssl uselibpqcompat channel_binding connection_limit pool_timeout pgbouncer client_encoding ' +
    'fallback_application_name target_session_attrs'
  ).split(' '),
);

/**
 * Reads a DATABASE_URL (https://www.postgresql.org/docs/current/libpq-connect.html, and Prisma's parameters:
 * https://www.prisma.io/docs/orm/overview/databases/postgresql).
 * @throws {Error} with one line that says what is wrong and repeats no secret: what is not honoured is refused
 */
export function parsePostgresUrl(text: string): PostgresTarget {
  const [first = text, ...others] = splitServers(text);
  const url = parseServerUrl('DATABASE_URL', first, ['postgresql', 'postgres']);
  const given = url.searchParams;
  const names = [...new Set(given.keys())];
  const unknown = names.filter((name) => !KNOWN.has(name));
  if (unknown.length > 0)
    throw new Error(
      `has parameters that are not supported: ${unknown.map((name) => name.slice(0, 40)).join(', ')}`,
    );
  for (const name of names) if (given.getAll(name).length > 1) throw new Error(`says ${name} more than once`);
  const wants = given.get('target_session_attrs');
  if (wants !== null && !WANTED.includes(wants))
    throw new Error(`has an unknown target_session_attrs: say one of ${WANTED.join(', ')}`);
  const hosts = hostsOf([
    url,
    ...others.map((one) => parseServerUrl('DATABASE_URL', one, ['postgresql', 'postgres'])),
  ]);
  const schema = given.get('schema') ?? undefined;
  if (schema !== undefined && !/^[A-Za-z_][A-Za-z0-9_$-]{0,62}$/.test(schema))
    throw new Error('has a schema whose name is not letters, digits, "_", "$" and "-"');
  const target = {
    host: hosts[0]?.host || undefined,
    port: hosts[0]?.port || undefined,
    hosts:
      hosts.length > 1 ? hosts.map(({ host, port }) => ({ host, port: port || DEFAULT_PORT })) : undefined,
    wants: (wants as WantedServer | null) ?? undefined,
    pooled: given.get('pgbouncer') === 'true' || undefined,
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

/** As libpq: `host` and `port` among the parameters, with commas, come before those of the URL; one port is for all. */
function hostsOf(urls: readonly URL[]): PostgresHost[] {
  const given = urls[0]!.searchParams;
  const named = given.get('host')?.split(',');
  const ports = (given.get('port') ?? '').split(',').map((port) => {
    if (!/^\d{0,5}$/.test(port)) throw new Error('has a port that is not a whole number');
    return Number(port);
  });
  const hosts = named ?? urls.map(({ hostname }) => decodeURIComponent(hostname).replace(/^\[|\]$/g, ''));
  if (ports.length > 1 && ports.length !== hosts.length)
    throw new Error('has another number of ports than of hosts');
  return hosts.map((host, index) => ({
    host,
    port: (ports.length > 1 ? ports[index] : ports[0]) || (named ? 0 : Number(urls[index]?.port)) || 0,
  }));
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
