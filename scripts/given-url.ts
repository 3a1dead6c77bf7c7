import { parsePostgresUrl } from '../shared/service/postgres-url';
import { parseRabbitmqServers } from '../shared/service/rabbitmq-url';
import { withSecretFiles } from '../shared/service/secret-files';
import { passwordFor, SERVER_URLS, withPassword, type ServerUrlName } from '../shared/service/server-url';
import { UserError } from './servers/search';

/**
 * A server's URL from the environment, with the password that may be given beside it (`DATABASE_PASSWORD`,
 * `RABBITMQ_PASSWORD`); each may be in a file (`DATABASE_PASSWORD_FILE`).
 * @returns undefined where it is not set
 * @throws {UserError} with one line that repeats no secret
 */
export function givenUrl(
  name: ServerUrlName,
  environment: Record<string, string | undefined> = process.env,
): string | undefined {
  const { environment: set, problems } = withSecretFiles(environment);
  const about = problems.filter((line) =>
    [name, SERVER_URLS[name].password].some((one) => line.startsWith(`${one}:`)),
  );
  if (about.length > 0) throw new UserError(`${about.join('. ')}.`);
  const text = set[name];
  if (!text) return undefined;
  try {
    const url = withPassword(name, text, passwordFor(name, set));
    if (name === 'RABBITMQ_URL') parseRabbitmqServers(url);
    else parsePostgresUrl(url);
    return url;
  } catch (error) {
    throw new UserError(`${name} ${(error as Error).message}.`);
  }
}

/** The database that a command works on, where one is given: a pooler has no sessions, which most commands need. */
export const givenDatabase = (
  environment: Record<string, string | undefined> = process.env,
): string | undefined =>
  givenUrl('DATABASE_DIRECT_URL', environment) ?? givenUrl('DATABASE_URL', environment);
