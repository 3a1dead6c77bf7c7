import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkout } from '../servers/checkout';
import { UserError } from '../servers/search';

/** The last release: what clients and running services know. */
export interface Release {
  /** As in package.json. */
  version: string;
  /** The commit that it was made of, whole. */
  commit: string;
}

const FILE = path.join(checkout, 'docs', 'contracts', 'released', 'release.json');

/** @throws {UserError} where the file has no commit in it */
export function readRelease(): Release {
  const release = JSON.parse(readFileSync(FILE, 'utf8')) as Release;
  if (!/^[0-9a-f]{40}$/.test(release.commit))
    throw new UserError(
      `${path.relative(checkout, FILE)} names no commit: npm run contracts -- --release writes it.`,
    );
  return release;
}

/** Records the commit that is checked out as the last release. */
export function writeRelease(): Release {
  const { version } = JSON.parse(readFileSync(path.join(checkout, 'package.json'), 'utf8')) as Release;
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: checkout, encoding: 'utf8' }).trim();
  const release = { version, commit };
  writeFileSync(FILE, `${JSON.stringify(release, null, 2)}\n`);
  return release;
}
