import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkout } from '../servers/checkout';
import { UserError } from '../servers/search';

export const usage = `npm run users: gives every service a login of its own at PostgreSQL and RabbitMQ, with the least rights that work.

npm run users                                 for every service at the root, the examples that take part, and operator
npm run users -- --passwords /etc/ordermesh   where the passwords are, and new ones are put (.local/logins)
npm run users -- --prefix shop1-              names that begin so, where several meshes are on one server
npm run users -- --only database              or rabbitmq: just that server
npm run users -- --remove loyalty-service     ends these logins, and changes nothing else

It works as the owner of the tables in DATABASE_URL and an administrator at RABBITMQ_MANAGEMENT_URL or, where these are
not set, on the mesh that runs from this checkout. Run it after each npm run migrate, before the services start; it can
be repeated while they run. A password may also be given, INVENTORY_SERVICE_DATABASE_PASSWORD or ..._RABBITMQ_PASSWORD.`;

export interface UsersArguments {
  help: boolean;
  passwords: string;
  prefix: string;
  only?: 'database' | 'rabbitmq';
  remove: readonly string[];
}

const PREFIX = /^[a-z][a-z0-9_-]{0,30}$/;
const NAME = /^[a-z][a-z0-9-]{0,30}$/;

/** @throws {UserError} with the usage */
export function readUsersArguments(args = process.argv.slice(2)): UsersArguments {
  const { values } = read(args);
  const { help = false, prefix = '', only, remove = [] } = values;
  if (prefix && !PREFIX.test(prefix))
    throw new UserError(`--prefix ${prefix}: small letters, digits, - and _, beginning with a letter.`);
  if (prefix.startsWith('pg_'))
    throw new UserError(
      `--prefix ${prefix}: PostgreSQL keeps the names that begin with pg_ for its own roles.`,
    );
  if (only !== undefined && only !== 'database' && only !== 'rabbitmq')
    throw new UserError(`--only ${only}: it is database or rabbitmq.`);
  for (const name of remove)
    if (!NAME.test(name)) throw new UserError(`--remove ${name}: that is no name of a service.`);
  return {
    help,
    prefix,
    only,
    remove,
    passwords: path.resolve(values.passwords || path.join(checkout, '.local', 'logins')),
  };
}

function read(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        help: { type: 'boolean', short: 'h' },
        passwords: { type: 'string' },
        prefix: { type: 'string' },
        only: { type: 'string' },
        remove: { type: 'string', multiple: true },
      },
    });
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${usage}`);
  }
}
