import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import type * as Engine from '@prisma/schema-engine-wasm';
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
    const adapter = bindMigrationAwareSqlAdapterFactory(
      new PrismaPg(pool, { schema: parsePostgresUrl(databaseUrl).schema }),
    );
    const datamodel = 'datasource db {\n  provider = "postgresql"\n}\n';
    return await use(
      await SchemaEngine.new({ datamodels: [['schema.prisma', datamodel]] }, () => undefined, adapter),
    );
  } finally {
    await pool.end();
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
