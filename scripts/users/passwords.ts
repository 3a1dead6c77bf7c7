import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readSecretFile } from '../../shared/service/secret-files';
import { UserError } from '../servers/search';

export type Server = 'database' | 'rabbitmq';

/** A password, and where a service is to read it: the file, or undefined where it was given by a variable. */
export interface Password {
  password: string;
  file?: string;
}

/**
 * The password of a login at a server: that of the variable (`INVENTORY_SERVICE_DATABASE_PASSWORD`), else what is in
 * the file `<folder>/inventory-service/database-password`, else a new one that is put there, for its owner's eyes only.
 * @throws {UserError} for a file that cannot be read or written, or is empty or no text
 */
export function passwordOf(
  folder: string,
  login: string,
  server: Server,
  environment: Record<string, string | undefined> = process.env,
): Password {
  const variable = `${login.replaceAll('-', '_')}_${server}_PASSWORD`.toUpperCase();
  const given = environment[variable];
  if (given) return { password: given };
  const file = path.join(folder, login, `${server}-password`);
  try {
    return { password: readOrWrite(file), file };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `${file} cannot be used (${(error as NodeJS.ErrnoException).code}): name a folder that can be written to with --passwords, or set ${variable}.`,
    );
  }
}

function readOrWrite(file: string): string {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const beside = `${file}.${process.pid}.new`;
  try {
    writeFileSync(beside, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
    // Whole, and only where there is none: of two set-ups at once, both go on with the first one's.
    linkSync(beside, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' && !existsSync(file)) throw error;
  } finally {
    rmSync(beside, { force: true });
  }
  // As the service reads it.
  try {
    return readSecretFile(file);
  } catch (error) {
    throw new UserError(`${file} ${(error as Error).message}: write the password into it, or delete it.`);
  }
}
