import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { checkout, inLocal } from '../../scripts/servers/checkout';
import { UserError } from '../../scripts/servers/search';
import { discoverServices } from '../../scripts/supervisor/discover-services';

const run = promisify(execFile);
const MINUTES = 60_000;

/** A version of the mesh, compiled. */
export interface Version {
  /** For people: `this version`, or a commit's short hash. */
  name: string;
  dist: string;
  services: string[];
}

export const thisVersion = (): Version => versionIn('this version', checkout);

const versionIn = (name: string, folder: string): Version => {
  const dist = path.join(folder, 'dist');
  return { name, dist, services: discoverServices(dist) };
};

/**
 * Takes another version out of git and compiles it, once; it stays in `.local/versions`.
 * @param ref a commit, or what git knows one by
 * @throws {UserError} where git does not have it, as in a shallow clone
 */
export async function prepareVersion(ref: string, say: (line: string) => void): Promise<Version> {
  const commit = await commitOf(ref);
  const name = commit.slice(0, 8);
  const folder = inLocal('versions', name);
  if (!existsSync(folder)) {
    say(`taking ${name} out of git, and compiling it`);
    const making = `${folder}.${process.pid}`;
    try {
      mkdirSync(making, { recursive: true });
      const archive = path.join(making, '.tar');
      await run('git', ['archive', '--format=tar', `--output=${archive}`, commit], { cwd: checkout });
      await run('tar', ['-xf', archive, '-C', making]);
      rmSync(archive);
      if (servesFor(making))
        symlinkSync(path.join(checkout, 'node_modules'), path.join(making, 'node_modules'));
      // Installs what it needs, where that is not there, as it always did.
      await run(process.execPath, [path.join(making, 'scripts', 'bootstrap.mjs'), 'build'], {
        cwd: making,
        timeout: 10 * MINUTES,
        env: { PATH: process.env.PATH, HOME: process.env.HOME },
      });
      renameSync(making, folder);
    } catch (error) {
      rmSync(making, { recursive: true, force: true });
      throw new UserError(`${name} could not be compiled: ${lastLinesOf(error)}`);
    }
  }
  return versionIn(name, folder);
}

async function commitOf(ref: string): Promise<string> {
  try {
    const { stdout } = await run('git', ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`], {
      cwd: checkout,
    });
    return stdout.trim();
  } catch {
    throw new UserError(
      `Git does not have the commit ${ref} here, so two versions cannot be tried beside each other. ` +
        'In a shallow clone, git fetch --unshallow brings it; without git, use a clone.',
    );
  }
}

interface Lock {
  packages: Record<string, { version?: string; optional?: boolean }>;
}
const lockOf = (file: string) => (JSON.parse(readFileSync(file, 'utf8')) as Lock).packages;

/** Whether what is installed here has all that the other version asks for. */
function servesFor(folder: string): boolean {
  const there = lockOf(path.join(checkout, 'node_modules', '.package-lock.json'));
  return Object.entries(lockOf(path.join(folder, 'package-lock.json'))).every(
    ([where, { version, optional }]) => where === '' || optional || there[where]?.version === version,
  );
}

const lastLinesOf = (error: unknown): string => {
  const { stderr = '', message } = error as Error & { stderr?: string };
  return stderr.trim().split('\n').slice(-5).join('\n') || message;
};
