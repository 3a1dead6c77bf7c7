import { withSecretFiles } from '../shared/service/secret-files';
import { splitServers } from '../shared/service/server-url';
import { givenDatabase, givenUrl } from './given-url';
import { UserError } from './servers/search';
import { readMeshFile, type MeshFile } from './supervisor/mesh-file';

type Servers = 'database' | 'broker';
const names = { database: 'DATABASE_URL', broker: 'RABBITMQ_URL' } as const;

export interface ServerUrls {
  databaseUrl: string;
  rabbitmqUrl: string;
}

export interface UrlSources {
  environment?: Record<string, string | undefined>;
  readMesh?: () => MeshFile | undefined;
}

/**
 * The servers that a command works on: DATABASE_URL (DATABASE_DIRECT_URL, where it is set) and RABBITMQ_URL, or those of the mesh that runs from this
 * checkout when none of those that it needs is set. Never a mixture.
 * @throws {UserError} which says what to set
 */
export function serverUrls(command: string, sources: UrlSources = {}): ServerUrls {
  const [databaseUrl, rabbitmqUrl] = find(command, ['database', 'broker'], sources);
  return { databaseUrl: databaseUrl!, rabbitmqUrl: rabbitmqUrl! };
}

/** The same for a command that needs no broker. @throws {UserError} */
export function databaseUrl(command: string, sources: UrlSources = {}): string {
  return find(command, ['database'], sources)[0]!;
}

/**
 * The same for a command that can do without the broker: that of the same mesh, or undefined where only DATABASE_URL is
 * given.
 * @throws {UserError}
 */
export function databaseAndBroker(
  command: string,
  sources: UrlSources = {},
): { databaseUrl: string; rabbitmqUrl: string | undefined } {
  const { environment = process.env } = sources;
  const isAlone = givenDatabase(environment) && !givenUrl(names.broker, environment);
  return isAlone
    ? { databaseUrl: databaseUrl(command, sources), rabbitmqUrl: undefined }
    : serverUrls(command, sources);
}

/** The same for a command that needs no database. @throws {UserError} */
export function brokerUrl(command: string, sources: UrlSources = {}): string {
  return find(command, ['broker'], sources)[0]!;
}

/**
 * The broker's management API: RABBITMQ_MANAGEMENT_URL, else the running mesh's, else where it usually is, of each node.
 */
export function managementUrls(
  rabbitmqUrl: string,
  { environment = process.env, readMesh = readMeshFile }: UrlSources = {},
): string[] {
  const { environment: complete, problems } = withSecretFiles(environment);
  const unread = problems.find((line) => line.startsWith('RABBITMQ_MANAGEMENT_URL:'));
  if (unread) throw new UserError(`${unread}.`);
  const given = complete.RABBITMQ_MANAGEMENT_URL;
  if (given && !/^https?:\/\/[^/]/.test(given))
    throw new UserError('RABBITMQ_MANAGEMENT_URL must begin with http:// or https://.');
  const mesh = given || givenUrl('RABBITMQ_URL', environment) ? undefined : readMesh();
  const known = given || mesh?.management_url;
  if (known) return [known];
  return [...new Set(splitServers(rabbitmqUrl).map(usualManagement))];
}

/** Where a node's management API usually is: encrypted where the node is, or its login would be sent for all to read. */
export function usualManagement(node: string): string {
  const { protocol, hostname } = new URL(node);
  return protocol === 'amqps:' ? `https://${hostname}:15671` : `http://${hostname}:15672`;
}

function find(
  command: string,
  servers: Servers[],
  { environment = process.env, readMesh = readMeshFile }: UrlSources,
): string[] {
  const given = {
    database: givenDatabase(environment),
    broker: givenUrl(names.broker, environment),
  };
  // Also where the one that is given is not needed: whoever set it means another mesh than the one that runs here.
  const isGiven = Object.values(given).some(Boolean);
  const mesh = isGiven ? undefined : readMesh();
  const missing = servers.filter((server) => !given[server]).map((server) => names[server]);
  if (missing.length > 0 && !mesh)
    throw new UserError(
      isGiven
        ? `${command} needs ${missing.join(' and ')} too: set both, or neither.`
        : `${command} needs a mesh to work on: set ${missing.join(' and ')}, or run it while "npm start" runs in this checkout.`,
    );
  return servers.map((server) =>
    mesh ? (server === 'database' ? mesh.database_url : mesh.rabbitmq_url) : given[server]!,
  );
}

/** Where a server is, for people: `127.0.0.1:5432/ordermesh`, without the login; of several, with commas between. */
export function addressOf(url: string): string {
  const servers = splitServers(url).map((one) => new URL(one));
  const { pathname } = servers[0]!;
  return `${servers.map(({ host }) => host).join(',')}${pathname === '/' ? '' : pathname}`;
}
