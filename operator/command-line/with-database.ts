import { UserError } from '../../scripts/servers/search';
import { briefly, isPassing } from '../../shared/messaging/failure';
import { openDatabase, type Database } from '../../shared/service/database';

/**
 * Gives a command a connection to the database for as long as its work takes.
 * @param command in `pg_stat_activity` it is `ordermesh-<command>`
 * @throws {UserError} where PostgreSQL is away or lacks something; else what the work throws
 */
export async function withDatabase<T>(
  command: string,
  url: string,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = openDatabase({
    url,
    poolSize: 1,
    applicationName: `ordermesh-${command}`,
    onIdleError: () => undefined, // the next statement says so
  });
  try {
    return await work(database);
  } catch (error) {
    if (!isPassing(error)) throw error;
    const why = briefly(error);
    const advice = /permission denied|\b42501\b/.test(why)
      ? 'The login in DATABASE_URL may not do this: use that of operator.'
      : 'Run the command again.';
    throw new UserError(`PostgreSQL cannot be used: ${why}. ${advice}`);
  } finally {
    await database.$disconnect();
  }
}
