import { SECRETS, withSecretFiles } from '../shared/service/secret-files';
import { UserError } from './servers/search';

/**
 * Puts the secrets that files hold into this process's environment, in place of the names of the files: what it starts
 * gets other values for some of them.
 * @throws {UserError} naming the variables whose files are no good
 */
export function takeSecretFiles(environment = process.env): void {
  const { environment: complete, problems } = withSecretFiles(environment);
  if (problems.length > 0) throw new UserError(problems.join('\n'));
  for (const name of SECRETS) {
    if (!environment[`${name}_FILE`]) continue;
    environment[name] = complete[name];
    delete environment[`${name}_FILE`];
  }
}
