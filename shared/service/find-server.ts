import { Client, type ClientConfig } from 'pg';
import type { PostgresHost, WantedServer } from './postgres-url';

const LOOK_MS = 2_000;
/** So long, others that have not answered are waited for once one has that will do: it may be an old primary. */
const OTHERS_MS = 300;
/** So long, what was found holds for the next connections: a pool opens several at a time. */
const KNOWN_MS = 500;

/** What a server says of itself. */
export interface ServerSeen extends PostgresHost {
  isReadOnly: boolean;
  /** Of the history that it writes; the server that was promoted last has the highest. 0 where it only reads. */
  timeline: number;
}

const finding = new Map<string, Promise<PostgresHost>>();

/**
 * Which of several servers to connect to, asked of all of them at once.
 * @throws {Error} what each of them said, where none will do
 */
export function findServer(
  hosts: readonly PostgresHost[],
  wants: WantedServer,
  login: ClientConfig,
): Promise<PostgresHost> {
  const key = JSON.stringify([hosts, wants, login.user, login.database]);
  const known = finding.get(key);
  if (known) return known;
  const found = look(hosts, wants, login);
  finding.set(key, found);
  const forget = () => void finding.delete(key);
  found.then(() => setTimeout(forget, KNOWN_MS).unref(), forget);
  return found;
}

async function look(
  hosts: readonly PostgresHost[],
  wants: WantedServer,
  login: ClientConfig,
): Promise<PostgresHost> {
  const seen: ServerSeen[] = [];
  const failures: string[] = [];
  await new Promise<void>((resolve) => {
    let open = hosts.length;
    const answered = () => {
      if (--open === 0) resolve();
      else if (choose(seen, wants)) setTimeout(resolve, OTHERS_MS);
    };
    const askOne = async (host: PostgresHost) => {
      try {
        seen.push(await ask(host, login));
      } catch (error) {
        failures.push(`${host.host}:${host.port} ${(error as Error).message}`);
      }
      answered();
    };
    for (const host of hosts) void askOne(host);
  });
  const found = choose(seen, wants);
  if (found) return found;
  const others = seen.map(
    ({ host, port, isReadOnly }) => `${host}:${port} is ${isReadOnly ? 'read-only' : 'no standby'}`,
  );
  // As a server that is away: it may be promoted, or come back, in a moment.
  throw Object.assign(new Error(`no PostgreSQL server is ${wants}: ${[...others, ...failures].join('; ')}`), {
    code: 'ECONNREFUSED',
  });
}

/**
 * The one to use. Of several that can be written to, one has been promoted over the others: the last one is meant, and
 * what the others would take is lost.
 */
export function choose(seen: readonly ServerSeen[], wants: WantedServer): ServerSeen | undefined {
  const writable = seen.filter((one) => !one.isReadOnly).sort((one, other) => other.timeline - one.timeline);
  const readOnly = seen.filter((one) => one.isReadOnly);
  if (wants === 'read-write' || wants === 'primary') return writable[0];
  if (wants === 'read-only' || wants === 'standby') return readOnly[0];
  return wants === 'prefer-standby' ? (readOnly[0] ?? writable[0]) : seen[0];
}

async function ask(server: PostgresHost, login: ClientConfig): Promise<ServerSeen> {
  const client = new Client({
    ...login,
    ...server,
    connectionTimeoutMillis: LOOK_MS,
    query_timeout: LOOK_MS,
  });
  client.on('error', () => undefined); // the call in progress rejects with it
  try {
    await client.connect();
    const { rows } = await client.query<{ isReadOnly: boolean; timeline: string }>(
      `SELECT current_setting('transaction_read_only') = 'on' AS "isReadOnly", CASE WHEN pg_is_in_recovery() THEN '0'
         ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline`,
    );
    const [{ isReadOnly, timeline }] = rows as [{ isReadOnly: boolean; timeline: string }];
    return { ...server, isReadOnly, timeline: Number.parseInt(timeline, 16) };
  } finally {
    client.end().catch(() => undefined);
  }
}
