import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { inRoot } from './root.mjs';
import { nodeModule, runStep } from './run-child.mjs';

/** All schema files side by side, for Prisma reads one folder. Beside the generated client, as their own are. */
const gathered = inRoot('prisma', '.schema');
const stamp = inRoot('prisma', 'generated', '.schema-hash');

/** Generates the Prisma client when the schema files or Prisma itself changed since the last time. */
export async function generateClient() {
  const files = schemaFiles();
  const hash = hashOf(files);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  console.error('Generating the Prisma client…');
  const env = { ...process.env, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' };
  // Generating only checks that the engine exists, and would otherwise download it:
  // that fails wherever only the package registries can be reached.
  if (!env.PRISMA_SCHEMA_ENGINE_BINARY && !nativeEngine()) env.PRISMA_SCHEMA_ENGINE_BINARY = process.execPath;
  rmSync(gathered, { recursive: true, force: true });
  mkdirSync(gathered);
  for (const [name, text] of files) writeFileSync(`${gathered}/${name}`, text);
  const args = [nodeModule('prisma', 'build', 'index.js'), 'generate', '--no-hints', '--schema', gathered];
  await runStep('prisma generate', process.execPath, args, { env });
  writeFileSync(stamp, hash);
}

/**
 * By their names: those of the mesh, and a service's own `schema.prisma` under that of its folder. A service at the
 * root comes before an example of the same name.
 */
function schemaFiles() {
  const files = new Map();
  for (const folder of [...namesIn('examples').map((name) => `examples/${name}`), ...namesIn('.')])
    if (folder !== 'prisma' && existsSync(inRoot(folder, 'schema.prisma')))
      files.set(
        `${folder.split('/').at(-1)}.own.prisma`,
        readFileSync(inRoot(folder, 'schema.prisma'), 'utf8'),
      );
  for (const name of namesIn('prisma/schema'))
    if (name.endsWith('.prisma')) files.set(name, readFileSync(inRoot('prisma', 'schema', name), 'utf8'));
  return [...files].sort(([a], [b]) => (a < b ? -1 : 1));
}

const namesIn = (folder) => (existsSync(inRoot(folder)) ? readdirSync(inRoot(folder)) : []);

function hashOf(files) {
  const hash = createHash('sha256').update(JSON.stringify(files));
  for (const file of [inRoot('prisma.config.ts'), nodeModule('prisma', 'package.json')])
    hash.update(readFileSync(file));
  return hash.digest('hex');
}

function nativeEngine() {
  return readdirSync(nodeModule('@prisma', 'engines')).some((name) => name.startsWith('schema-engine-'));
}
