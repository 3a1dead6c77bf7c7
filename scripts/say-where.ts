import { addressOf, type ServerUrls } from './server-urls';

/**
 * A command's first line: the servers that it works on, so that nobody discards the dead letters of another mesh.
 * On stderr, because stdout may be JSON for a program.
 * @returns the urls that it was given
 */
export function sayWhere<T extends Partial<ServerUrls>>(urls: T): T {
  const places = [
    urls.databaseUrl && `database ${addressOf(urls.databaseUrl)}`,
    urls.rabbitmqUrl && `broker ${addressOf(urls.rabbitmqUrl)}`,
  ];
  console.error(`Working on ${places.filter(Boolean).join(' and ')}`);
  return urls;
}
