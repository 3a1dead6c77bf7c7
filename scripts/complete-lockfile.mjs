// Run after changing dependencies: node scripts/complete-lockfile.mjs
//
// npm leaves optional packages that the registry did not have at that moment out of
// package-lock.json (behind a mirror, those of other platforms), and `npm ci` then
// refuses that lock file everywhere. This adds what is missing: their versions are
// exact in the package that wants them, and their names say which platform they are for.
import { readFileSync, writeFileSync } from 'node:fs';
import { inRoot } from './bootstrap/root.mjs';

const file = inRoot('package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = complete(lock.packages);
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length > 0 ? `Added ${added.length} packages of other platforms` : 'Nothing was missing');

function complete(packages) {
  const added = [];
  for (const [where, parent] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (found(packages, where, name)) continue;
      if (!/^\d+\.\d+\.\d+\S*$/.test(version))
        throw new Error(`${where} wants ${name}@${version}: not an exact version`);
      const flags = parent.dev ? { dev: true, optional: true } : { optional: true };
      packages[`node_modules/${name}`] = { version, ...flags, ...platformOf(name) };
      added.push(name);
    }
  }
  return added;
}

/** As Node resolves: in the package's own node_modules, then in those above it. */
function found(packages, where, name) {
  for (let folder = where; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    if (packages[`${folder ? `${folder}/` : ''}node_modules/${name}`]) return true;
    if (!folder) return false;
  }
}

/** @param name such as @swc/core-linux-arm-gnueabihf */
function platformOf(name) {
  const [, os, cpu, abi] =
    /(darwin|linux|win32|android|freebsd|openharmony)-([a-z0-9]+)(?:-(\w+))?$/.exec(name) ?? [];
  if (!os) throw new Error(`${name} does not say which platform it is for`);
  const libc = os === 'linux' && abi ? { libc: [abi.startsWith('musl') ? 'musl' : 'glibc'] } : {};
  return { cpu: [cpu], ...libc, os: [os] };
}
