import { rabbitmqUrl } from '../../shared/service/config';
import { UserError } from '../servers/search';
import { readMeshFile } from '../supervisor/mesh-file';

/**
 * The broker that a command works on, which needs no database: RABBITMQ_URL, or that of the mesh that runs
 * from this checkout.
 * @throws {UserError} when there is neither
 */
export function brokerUrl(command: string, environment = process.env, readMesh = readMeshFile): string {
  const url = environment.RABBITMQ_URL || readMesh()?.rabbitmq_url;
  if (!url)
    throw new UserError(
      `${command} needs RABBITMQ_URL, e.g. amqp://user:password@host:5672, or to be run while "npm start" runs in this checkout.`,
    );
  if (!rabbitmqUrl.safeParse(url).success)
    throw new UserError('RABBITMQ_URL must begin with amqp:// or amqps://.');
  return url;
}
