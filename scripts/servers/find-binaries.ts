import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

const homebrew = ['/opt/homebrew', '/usr/local', '/home/linuxbrew/.linuxbrew'];

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  major: number;
}

/** The newest PostgreSQL on this machine, or the newest of one major version. */
export function findPostgres(major?: number): PostgresBinaries | undefined {
  const folders = [...onPath(), ...debianPostgres(), ...homebrewPostgres()];
  return [...new Set(folders)]
    .map(postgresIn)
    .filter((found) => found !== undefined)
    .filter((found) => major === undefined || found.major === major)
    .sort((a, b) => b.major - a.major)[0];
}

/** `rabbitmq-server` as a script that runs as whoever starts it. */
export function findRabbitmq(): string | undefined {
  return [
    '/usr/lib/rabbitmq/bin', // first: the one in /usr/sbin insists on root or its own user
    ...homebrew.flatMap((prefix) => [`${prefix}/opt/rabbitmq/sbin`, `${prefix}/sbin`]),
    ...onPath().filter((folder) => !existsSync(path.join(folder, 'rabbitmq-script-wrapper'))),
  ]
    .map((folder) => path.join(folder, 'rabbitmq-server'))
    .find((file) => isExecutable(file) && file !== '/usr/sbin/rabbitmq-server');
}

/** Erlang's port mapper, which a broker's node registers with. */
export function findEpmd(): string | undefined {
  const folders = [...onPath(), '/usr/lib/erlang/bin', ...homebrew.map((prefix) => `${prefix}/bin`)];
  return folders.map((folder) => path.join(folder, 'epmd')).find(isExecutable);
}

function onPath(): string[] {
  return (process.env.PATH ?? '').split(path.delimiter).filter(Boolean);
}

function debianPostgres(): string[] {
  return list('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`);
}

function homebrewPostgres(): string[] {
  return homebrew.flatMap((prefix) =>
    list(`${prefix}/opt`)
      .filter((name) => /^postgresql(@\d+)?$/.test(name))
      .map((name) => `${prefix}/opt/${name}/bin`),
  );
}

function postgresIn(folder: string): PostgresBinaries | undefined {
  const [initdb, postgres] = [path.join(folder, 'initdb'), path.join(folder, 'postgres')];
  if (!isExecutable(initdb) || !isExecutable(postgres)) return undefined;
  const { stdout } = spawnSync(postgres, ['--version'], { encoding: 'utf8', timeout: 5000 });
  const major = Number(/\b(\d+)(?:[.\d]|devel|beta|rc)*\b/.exec(stdout ?? '')?.[1]);
  return major >= 13 ? { initdb, postgres, major } : undefined;
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
