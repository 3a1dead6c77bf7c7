import { UserError } from './servers/search';
import { readMeshFile } from './supervisor/mesh-file';

/**
 * The servers that a command works against: DATABASE_URL and RABBITMQ_URL, or those
 * of the mesh that runs from this checkout when neither is set. Never a mixture.
 */
export function serverUrls(command: string): { databaseUrl: string; rabbitmqUrl: string } {
  const { DATABASE_URL, RABBITMQ_URL } = process.env;
  if (DATABASE_URL && RABBITMQ_URL) return { databaseUrl: DATABASE_URL, rabbitmqUrl: RABBITMQ_URL };
  const mesh = DATABASE_URL || RABBITMQ_URL ? undefined : readMeshFile();
  if (mesh) return { databaseUrl: mesh.database_url, rabbitmqUrl: mesh.rabbitmq_url };
  const missing = [DATABASE_URL ? '' : 'DATABASE_URL', RABBITMQ_URL ? '' : 'RABBITMQ_URL'].filter(Boolean);
  throw new UserError(
    `${command} needs ${missing.join(' and ')}: set DATABASE_URL and RABBITMQ_URL` +
      (missing.length === 2 ? ', or run it while "npm start" runs in this checkout.' : ' both.'),
  );
}
