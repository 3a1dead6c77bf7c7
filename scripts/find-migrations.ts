import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { foldersWith, withoutOtherExamples } from '../shared/service/service-folders';
import { checkout } from './servers/checkout';
import { UserError } from './servers/search';

export interface Migration {
  /** Of its folder: when it was written, and what it does. All of them are applied in this order. */
  name: string;
  sql: string;
}

/**
 * The migrations in `prisma/` and in the folders of services that have their own, sorted by name.
 * @param examples those that are asked for
 * @throws {UserError} for a folder that is none, and for a name that two have: the database keeps them by name
 */
export function findMigrations(examples: readonly string[], root = checkout): Migration[] {
  const owners = foldersWith('migrations', root);
  const all = owners.flatMap((owner) => migrationsIn(root, path.join(owner.path, 'migrations')));
  const twice = all.find((one, index) => all.findIndex(({ name }) => name === one.name) < index);
  if (twice) {
    const homes = all.filter(({ name }) => name === twice.name).map(({ folder }) => folder);
    throw new UserError(`Two migrations have one name, ${homes.join(' and ')}: rename the newer one.`);
  }
  const chosen = new Set(withoutOtherExamples(owners, examples).map(({ path: owner }) => owner));
  return all
    .filter(({ folder }) => chosen.has(path.dirname(path.dirname(folder))))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, folder }) => ({ name, sql: readFileSync(path.join(root, folder, SQL), 'utf8') }));
}

const SQL = 'migration.sql';

function migrationsIn(root: string, home: string): { name: string; folder: string }[] {
  return readdirSync(path.join(root, home), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const folder = path.join(home, name);
      if (!/^\d{14}_/.test(name) || !existsSync(path.join(root, folder, SQL)))
        throw new UserError(
          `${folder} is no migration: that is a folder such as 20261201093000_what_it_does with a ${SQL} in it.`,
        );
      return { name, folder };
    });
}
