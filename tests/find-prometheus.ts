import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { inLocal } from '../scripts/servers/checkout';

export interface PrometheusBinaries {
  prometheus: string;
  promtool: string;
}

/**
 * Prometheus and promtool: those on the machine, or else those of Debian's package, which is unpacked below `.local/`. It
 * is not installed, for that would start a server of the system's.
 * @returns undefined where neither is to be had, having said so
 */
export function findPrometheus(): PrometheusBinaries | undefined {
  const unpacked = inLocal('prometheus');
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), path.join(unpacked, 'usr/bin')];
  const found = () => folders.map(binariesIn).find((binaries) => binaries !== undefined);
  const binaries = found() ?? (unpack('prometheus', unpacked) ? found() : undefined);
  if (!binaries)
    console.warn(
      'Skipped: there is no Prometheus on this machine, and Debian’s package cannot be had. Put prometheus and promtool on the PATH.',
    );
  return binaries;
}

function binariesIn(folder: string): PrometheusBinaries | undefined {
  const [prometheus, promtool] = [path.join(folder, 'prometheus'), path.join(folder, 'promtool')];
  return [prometheus, promtool].every(isExecutable) ? { prometheus, promtool } : undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns whether it is there; of two at the same time one has done it */
function unpack(name: string, folder: string): boolean {
  if (!existsSync('/usr/bin/apt-get')) return false;
  mkdirSync(path.dirname(folder), { recursive: true });
  const scratch = mkdtempSync(`${folder}-`);
  const run = (program: string, ...args: string[]) =>
    spawnSync(program, args, { cwd: scratch, timeout: 120_000, stdio: 'ignore' }).status === 0;
  try {
    const download = () => run('apt-get', '-qq', 'download', name);
    // Its lists may be old, or none; only root may get others.
    if (!download() && !(run('apt-get', '-qq', 'update') && download())) return false;
    const file = readdirSync(scratch).find((one) => one.endsWith('.deb'));
    if (!file || !run('dpkg', '-x', file, 'unpacked')) return false;
    if (!existsSync(folder)) renameSync(path.join(scratch, 'unpacked'), folder);
    return true;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
