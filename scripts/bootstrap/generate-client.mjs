import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { inRoot } from './root.mjs';
import { nodeModule, runStep } from './run-child.mjs';

const stamp = inRoot('prisma', 'generated', '.schema-hash');

/** Generates the Prisma client when the schema files or Prisma itself changed since the last time. */
export async function generateClient() {
  const hash = schemaHash();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  console.error('Generating the Prisma client…');
  const env = { ...process.env, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' };
  // Generating only checks that the engine exists, and would otherwise download it:
  // that fails wherever only the package registries can be reached.
  if (!env.PRISMA_SCHEMA_ENGINE_BINARY && !nativeEngine()) env.PRISMA_SCHEMA_ENGINE_BINARY = process.execPath;
  const args = [nodeModule('prisma', 'build', 'index.js'), 'generate', '--no-hints'];
  await runStep('prisma generate', process.execPath, args, { env });
  writeFileSync(stamp, hash);
}

function schemaHash() {
  const hash = createHash('sha256');
  const schema = inRoot('prisma', 'schema');
  const files = readdirSync(schema, { recursive: true }).filter((name) => name.endsWith('.prisma'));
  for (const name of files.sort()) hash.update(name).update(readFileSync(`${schema}/${name}`));
  for (const file of [inRoot('prisma.config.ts'), nodeModule('prisma', 'package.json')])
    hash.update(readFileSync(file));
  return hash.digest('hex');
}

function nativeEngine() {
  return readdirSync(nodeModule('@prisma', 'engines')).some((name) => name.startsWith('schema-engine-'));
}
