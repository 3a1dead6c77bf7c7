import {
  apiConfig,
  ConfigError,
  consumerConfigWith,
  readConfig,
  readTogether,
} from '../../shared/service/config';
import { retryDelays } from '../../shared/messaging/retry-config';
import { UserError } from '../servers/search';

/** What will be known only when the servers run; here it only has to be good. */
const LATER = { DATABASE_URL: 'postgresql://localhost/later', RABBITMQ_URL: 'amqp://localhost' };

/**
 * Reads what the services share of their configuration before any server is started, so that a slip of the pen costs
 * no wait. The rest they read themselves.
 * @throws {UserError} naming all that is wrong
 */
export function checkConfiguration(environment = process.env): void {
  for (const name of ['DATABASE_DIRECT_URL', 'DATABASE_READ_URL'])
    if (environment[name] && !environment.DATABASE_URL)
      throw new UserError(`${name} is set, and DATABASE_URL is not: set both, or neither.`);
  const { DATABASE_PASSWORD: _database, RABBITMQ_PASSWORD: _broker, ...rest } = environment;
  const given = { ...rest, ...LATER };
  try {
    readTogether(
      () => readConfig(apiConfig, given),
      () => readConfig(consumerConfigWith({ RETRY_DELAYS: retryDelays }), given),
    );
  } catch (error) {
    throw error instanceof ConfigError ? new UserError(error.message) : error;
  }
}
