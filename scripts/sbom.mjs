// npm run -s sbom > sbom.cdx.json: what the images have of npm packages, as CycloneDX.
//
// npm's own list of everything, less what is only for development or optional. Its --omit would leave out too much:
// whatever a package for development uses as well (npm 10 and 11).
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
const installed = new Set(
  Object.entries(packages)
    .filter(([where, entry]) => where && !entry.dev && !entry.optional && !entry.devOptional)
    .map(([where, { name, version }]) => `${name ?? where.replace(/^.*node_modules\//, '')}@${version}`),
);

const all = execFileSync(
  'npm',
  ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'],
  { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 },
);
const bom = JSON.parse(all);
bom.metadata.component.name = packages[''].name; // npm takes the folder's
bom.components = bom.components.filter((one) => installed.has(one['bom-ref']));
// In every image all of them are needed, whatever npm says of those that are also for development.
for (const one of bom.components) {
  one.scope = 'required';
  one.properties = (one.properties ?? []).filter(({ name }) => name !== 'cdx:npm:package:development');
}
bom.dependencies = bom.dependencies
  .filter(({ ref }) => ref === bom.metadata.component['bom-ref'] || installed.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => installed.has(one)) }));
console.log(JSON.stringify(bom, null, 2));
