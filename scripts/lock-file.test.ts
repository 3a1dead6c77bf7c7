import { readFileSync } from 'node:fs';
import path from 'node:path';
import { checkout } from './servers/checkout';

interface Lock {
  packages: Record<string, { optionalDependencies?: Record<string, string> }>;
}

test('package-lock.json names the packages of every platform, or npm ci refuses it', () => {
  const { packages } = JSON.parse(readFileSync(path.join(checkout, 'package-lock.json'), 'utf8')) as Lock;
  const names = new Set(Object.keys(packages).map((where) => where.replace(/^.*node_modules\//, '')));
  const wanted = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
  const missing = wanted.filter((name) => !names.has(name));
  if (missing.length > 0)
    throw new Error(`Run node scripts/complete-lockfile.mjs: ${missing.join(', ')} missing`);
});
