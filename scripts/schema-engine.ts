import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import type * as Engine from '@prisma/schema-engine-wasm';
import { backoff } from '../shared/service/backoff';
import { parsePostgresUrl } from '../shared/service/postgres-url';
import { PostgresPool } from '../shared/service/postgres-client';
import { sessionConfig } from '../shared/service/session-settings';

/** The part of it used below; TypeScript has the rest only in its browser library. */
declare const WebAssembly: {
  instantiate(
    binary: Uint8Array,
    imports: object,
  ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>;
};

/** The module's code apart from its instance, as wasm-bindgen generates it. */
interface Bindings {
  __wbg_set_wasm(exports: object): void;
  SchemaEngine: {
    new: (...args: Parameters<typeof Engine.SchemaEngine.new>) => Promise<Engine.SchemaEngine>;
  };
}

/**
 * Prisma's schema engine as WebAssembly, talking to the database through `pg`: the
 * same engine as the native one that `prisma migrate` downloads, had from the npm
 * registry alone.
 */
export async function withSchemaEngine<T>(
  databaseUrl: string,
  use: (engine: Engine.SchemaEngine) => Promise<T>,
): Promise<T> {
  const { SchemaEngine } = await load();
  // A pool of our own, so that we can end it: the engine keeps its connection.
  const pool = new PostgresPool(
    sessionConfig(databaseUrl, { kind: 'migration', applicationName: 'ordermesh-migrate' }),
  );
  try {
    const factory = new PrismaPg(pool, { schema: parsePostgresUrl(databaseUrl).schema });
    const adapter = bindMigrationAwareSqlAdapterFactory(withPatientScripts(factory, pool));
    const datamodel = 'datasource db {\n  provider = "postgresql"\n}\n';
    return await use(
      await SchemaEngine.new({ datamodels: [['schema.prisma', datamodel]] }, () => undefined, adapter),
    );
  } finally {
    await pool.end();
  }
}

/**
 * Whoever waits for a table's lock has all others wait behind it: what waits for long is tried again after a moment in
 * which they go on. What is built concurrently waits for others without holding them up, and would leave half an index.
 */
function withPatientScripts(factory: PrismaPg, pool: PostgresPool): PrismaPg {
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = (await connect()) as Awaited<ReturnType<typeof connect>> & {
      /** Throws it as the engine understands it. */
      onError(error: unknown): never;
    };
    adapter.executeScript = async (script) => {
      for (const statement of script.split(';').map((piece) => piece.trim()))
        if (statement) await patiently(pool, statement).catch((error: unknown) => adapter.onError(error));
    };
    return adapter;
  };
  return factory;
}

/** Less than services wait for a lock (5 s). */
const LOCK_WAIT_MS = 2_000;
const LOCK_PATIENCE_MS = 120_000;
const LOCK_NOT_AVAILABLE = '55P03';

async function patiently(pool: PostgresPool, statement: string): Promise<void> {
  const client = await pool.connect();
  const waits = !/\bCONCURRENTLY\b/i.test(statement);
  try {
    await client.query(`SET lock_timeout = ${waits ? LOCK_WAIT_MS : 0}`);
    const until = Date.now() + LOCK_PATIENCE_MS;
    for (let failures = 0; ; failures += 1) {
      try {
        await client.query(statement);
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE || Date.now() > until) throw error;
        await backoff(failures);
      }
    }
  } finally {
    await client.query('RESET lock_timeout').catch(() => undefined);
    client.release();
  }
}

/**
 * The package imports its .wasm file as a module, which Node 20 cannot: this is
 * what a bundler would do with that import.
 */
async function load(): Promise<Bindings> {
  const require = createRequire(__filename);
  const code = require.resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bindings = (await import(pathToFileURL(code).href)) as Bindings;
  const binary = await readFile(path.join(path.dirname(code), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(binary, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return bindings;
}
