import type { AddressInfo, Server } from 'node:net';
import { ConfigError } from './config';
import { PortTakenError } from './exit-codes';

export interface ListenOptions {
  port: number;
  /** A name or an address; IPv6 also in brackets. */
  host: string;
  /** Connections that wait to be accepted. */
  backlog?: number;
}

/**
 * Begins to listen.
 * @param named the variables that the port and the host come from
 * @returns the port
 * @throws {PortTakenError} {ConfigError} where that cannot be; they say what to set
 */
export async function listen(
  server: Server,
  { port, host, backlog }: ListenOptions,
  named: { port: string; host: string },
): Promise<number> {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: address, ...(backlog === undefined ? {} : { backlog }) }, resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    const where = `Cannot listen: ${host}:${port}`;
    switch (error.code) {
      case 'EADDRINUSE':
        throw new PortTakenError(
          `${where} is in use; stop what listens there, or set ${named.port} to another.`,
        );
      case 'EACCES':
        throw new ConfigError(`${where} may not be used by this user; set ${named.port} to one above 1023.`);
      case 'EADDRNOTAVAIL':
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        throw new ConfigError(`${where} is not an address of this machine; set ${named.host} to one.`);
      default:
        throw error;
    }
  });
  return (server.address() as AddressInfo).port;
}

/** What a service's health comes from. */
export const HEALTH_NAMES = { port: 'HEALTH_PORT', host: 'HEALTH_HOST' };
