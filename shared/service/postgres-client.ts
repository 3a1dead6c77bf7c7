import { Client, Pool, Query, type ClientConfig, type PoolClient, type PoolConfig } from 'pg';
import { findServer } from './find-server';
import { ConnectionRefused } from './permanent-connection-error';
import type { PostgresHost, WantedServer } from './postgres-url';

/** How a session has to be, beside what `pg` knows of. */
export interface SessionRules {
  /** Where several servers are named, or a certain kind of one: which. */
  servers?: { hosts: PostgresHost[]; wants: WantedServer };
  /** By name, as at the session's start. */
  settings: Record<string, string>;
  /** It needs a session of its own: a pooler is refused. */
  direct: boolean;
  /** It was found, or said, to be a pooler that takes no start-up settings. */
  pooled: boolean;
}

export type SessionConfig = ClientConfig & { rules: SessionRules };

/** A pooler stands where PostgreSQL itself is needed. */
export class PooledError extends ConnectionRefused {
  override name = 'PooledError';
  constructor() {
    super(
      'a connection pooler answers, and this needs a session of its own with PostgreSQL: set DATABASE_DIRECT_URL to the URL of PostgreSQL itself',
    );
  }
}

/** `options` are refused at the start of a session: PgBouncer's way of saying that it keeps no session for anybody. */
const refusesOptions = (error: unknown): boolean =>
  /unsupported startup parameter/i.test((error as { message?: string } | undefined)?.message ?? '');

type Opened = ((error: Error) => void) | ((error: null, client: Client) => void);

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: read_only_sql_transaction */
const READ_ONLY = '25006';

/**
 * Where a standby has to confirm each commit and somebody cancels the wait for it, PostgreSQL says that all is well, and
 * in a warning that it may not be. That has no code of its own and is in the server's language; this is where it comes from.
 */
const WAITS_FOR_STANDBY = 'SyncRepWaitForLSN';

/** As a lost connection: whether it is committed will be known when it is tried again. */
class CommittedHereOnly extends Error {
  override name = 'CommittedHereOnly';
  readonly code = 'ECONNRESET';
  constructor() {
    super('committed at this server, and no standby has confirmed it');
  }
}

interface Connection {
  on(
    event: 'errorMessage' | 'notice',
    listener: (message: { code?: string; routine?: string }) => void,
  ): void;
  emit(event: 'error', error: Error): void;
}

interface TransactionStatus {
  getTransactionStatus(): string | null;
}

/**
 * A session with PostgreSQL, also where a URL names several servers, or a pooler in transaction mode.
 *
 * A pooler gives each transaction another session, so what was set at the start is lost (or was refused); there, every
 * transaction is given its settings as its first thing, in the message that begins it: no round trip more. Whether it is
 * a pooler is asked of each new connection: PostgreSQL tells a client the process that serves it, which a pooler, whose
 * processes change, has to make up.
 */
export class PostgresClient extends Client {
  private readonly rules: SessionRules;
  private readonly given: SessionConfig;
  /** A pooler answers: each transaction may have another session. */
  isPooled = false;

  constructor(config: SessionConfig) {
    // The pool hides the password from spreading.
    super(config.rules.pooled ? { ...config, password: config.password, options: undefined } : config);
    this.rules = config.rules;
    this.given = config;
  }

  override connect(): Promise<Client>;
  override connect(callback: Opened): void;
  override connect(callback?: Opened): Promise<Client> | void {
    const opening = this.open();
    if (!callback) return opening;
    opening.then(
      (client) => (callback as (error: null, client: Client) => void)(null, client),
      callback as (error: Error) => void,
    );
  }

  private async open(): Promise<Client> {
    const { rules } = this;
    if (rules.direct && rules.pooled) throw new PooledError();
    if (rules.servers) {
      const { user, password, database, ssl } = this.given;
      Object.assign(
        this,
        await findServer(rules.servers.hosts, rules.servers.wants, { user, password, database, ssl }),
      );
    }
    // Whoever opened it listens only once it is open, and an error that nobody listens to ends the process.
    this.on('error', () => undefined);
    try {
      await super.connect();
    } catch (error) {
      if (!refusesOptions(error)) throw error;
      rules.pooled = true; // the next one asks for none
      throw rules.direct ? new PooledError() : error;
    }
    const { processID, connection } = this as unknown as { processID: number; connection: Connection };
    // A standby, or what has become one: the next connection may be to what can be written to.
    connection.on('errorMessage', ({ code }) => code === READ_ONLY && void this.end());
    connection.on('notice', ({ routine }) => {
      if (routine === WAITS_FOR_STANDBY) connection.emit('error', new CommittedHereOnly());
    });
    const { rows } = await super.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    if (rows[0]?.pid === processID) return this;
    if (rules.direct) {
      await this.end();
      throw new PooledError();
    }
    this.isPooled = true;
    const ask = super.query.bind(this) as (...given: unknown[]) => unknown;
    this.query = ((...given: unknown[]) => this.setFirst(ask, given)) as Client['query'];
    return this;
  }

  /** All forms of `query` end here, those of the pool too. */
  private setFirst(ask: (...given: unknown[]) => unknown, given: unknown[]): unknown {
    if (typeof (given[0] as { submit?: unknown }).submit === 'function') return ask(...given);
    const query = new SettingQuery(this, this.rules.settings, given);
    if (query.callback) return ask(query);
    return new Promise((resolve, reject) => {
      query.callback = (error, result) => (error ? reject(error) : resolve(result));
      ask(query);
    });
  }
}

/** What of `pg`'s connection a query writes to. */
interface Wire {
  parse(statement: { text: string; name: string }): void;
  bind(portal: { portal: string; statement: string; values: unknown[] }): void;
  execute(portal: { portal: string; rows: number }): void;
}

interface QueryInside {
  text: string;
  name?: string;
  queryMode?: string;
  callback?: (error: Error | null, result?: unknown) => void;
  submit(connection: Wire): Error | null;
  prepare(connection: Wire): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Wire): void;
}
const BareQuery = Query as unknown as new (...given: unknown[]) => QueryInside;

const BEGINS = /^\s*(BEGIN|START\s+TRANSACTION)\b/i;

/**
 * A query that gives its transaction the settings, where it begins one: `BEGIN` has them behind it, and a statement alone
 * has them before it, in the same implicit transaction (nothing between them tells the server that one is complete).
 * Statements are never named: the next transaction's session would not know the name.
 */
class SettingQuery extends BareQuery {
  private setsFirst = false;

  constructor(
    private readonly client: TransactionStatus,
    private readonly settings: Record<string, string>,
    given: unknown[],
  ) {
    super(...given);
    this.name = undefined;
  }

  override submit(connection: Wire): Error | null {
    if (this.client.getTransactionStatus() === 'I') {
      if (BEGINS.test(this.text)) this.text = `${this.text}; ${setLocally(this.settings)}`;
      else {
        this.setsFirst = true;
        this.queryMode = 'extended';
      }
    }
    return super.submit(connection);
  }

  override prepare(connection: Wire): void {
    if (this.setsFirst) {
      connection.parse({ text: SET_ALL, name: '' });
      connection.bind({ portal: '', statement: '', values: [JSON.stringify(this.settings)] });
      connection.execute({ portal: '', rows: 0 });
    }
    super.prepare(connection);
  }

  override handleDataRow(message: unknown): void {
    if (!this.setsFirst) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: Wire): void {
    if (this.setsFirst) this.setsFirst = false;
    else super.handleCommandComplete(message, connection);
  }
}

const SET_ALL = 'SELECT count(set_config(key, value, true)) FROM json_each_text($1::json)';

/** Not `SELECT set_config`: after it, the isolation level could not be chosen any more. */
const setLocally = (settings: Record<string, string>): string =>
  Object.entries(settings)
    .map(
      ([name, value]) =>
        `SET LOCAL ${name} = ${name === 'search_path' ? namesOf(value) : `'${value.replaceAll("'", "''")}'`}`,
    )
    .join('; ');

/** A list of schemas, each quoted: as a start-up setting it may say `tenant-1`, which a statement may not. */
const namesOf = (list: string): string =>
  (list.match(/"(?:[^"]|"")*"|[^\s,]+/g) ?? [])
    .map((name) => (name.startsWith('"') ? name : `"${name.toLowerCase()}"`))
    .join(', ') || "''";

/** A pool of {@link PostgresClient}s. */
export class PostgresPool extends Pool {
  constructor(config: SessionConfig & PoolConfig) {
    super({ ...config, Client: PostgresClient as unknown as PoolConfig['Client'] });
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<PoolClient> | void {
    if (!callback) return super.connect().catch((error) => this.again(error));
    super.connect((error, client, done) => {
      if (!error || !refusesOptions(error)) return callback(error, client, done);
      super.connect(callback);
    });
  }

  /** That it is a pooler is known after the first connection that it refused. */
  private again(error: unknown): Promise<PoolClient> {
    if (!refusesOptions(error)) throw error;
    return super.connect();
  }
}

type Connected = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;
