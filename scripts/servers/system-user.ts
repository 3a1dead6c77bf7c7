import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { NotAvailable } from './search';

export interface SystemUser {
  uid: number;
  gid: number;
}

/**
 * Whom to run PostgreSQL as: it refuses root, so root runs it as the package's own
 * user. Undefined for anyone else: as oneself.
 */
export function postgresUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entry = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'postgres');
  if (!entry) throw new NotAvailable('PostgreSQL does not run as root, and there is no user "postgres"');
  return { uid: Number(entry[2]), gid: Number(entry[3]) };
}

/** Whether that user may enter the folder: a checkout under /root or a closed home is out of his reach. */
export function canEnter(user: SystemUser | undefined, folder: string): boolean {
  if (!user) return true;
  return spawnSync('test', ['-x', folder], { ...user, cwd: '/' }).status === 0;
}
