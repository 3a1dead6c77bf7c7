import { FIRST_OTHER_HEALTH_PORT, healthPorts } from '../../shared/service/health-ports';
import { originOf } from '../../shared/service/origin';
import { freePort, isFree, takePort } from '../servers/free-port';
import { UserError } from '../servers/search';

/** The variable that tells a service its port. */
export const portVariable = (service: string) => (service === 'order-api' ? 'PORT' : 'HEALTH_PORT');

/** The address that a service listens on. */
const hostOf = (service: string): string =>
  (service === 'order-api' ? process.env.HOST : process.env.HEALTH_HOST) || '127.0.0.1';

/** Where a service is reached that listens on this port. */
export const reachedAt = (service: string, port: number): string => originOf(hostOf(service), port);

/** What a service's process is given to listen on, and chooses anew where somebody has taken it meanwhile. */
export interface Ports {
  of(service: string): number;
  /** Before a process is started. @returns the port it is to have, which is another where the last one is taken */
  renew(service: string): Promise<number>;
}

/**
 * A port for each service. A health port that is taken gives way to the next free
 * one; the API's does not, because its clients expect it where it was said to be.
 */
export async function choosePorts(services: string[]): Promise<Ports> {
  const ports: Record<string, number> = {};
  const choose = async (service: string) =>
    service === 'order-api' ? apiPort() : healthPort(service, services);
  for (const service of services) ports[service] = await choose(service);
  return {
    of: (service) => ports[service] ?? 0,
    renew: async (service) => {
      const port = ports[service] ?? 0;
      if (service !== 'order-api' && !(await isFree(port, hostOf(service))))
        ports[service] = await choose(service);
      return ports[service] ?? port;
    },
  };
}

async function apiPort(): Promise<number> {
  const port = givenPort('PORT', 1) ?? 8000;
  if (await isFree(port, hostOf('order-api'))) return port;
  throw new UserError(
    `Port ${port} is taken. Choose another for the API with PORT, e.g. PORT=${port + 1} npm start`,
  );
}

async function healthPort(service: string, services: string[]): Promise<number> {
  const workers = services.filter((name) => name !== 'order-api');
  // Several at once cannot share one HEALTH_PORT: it is for the single one that is named.
  const wish = workers.length === 1 ? givenPort('HEALTH_PORT', 0) : 0;
  if (!wish) return freePort(healthPorts[service] ?? FIRST_OTHER_HEALTH_PORT);
  if (await takePort(wish, service)) return wish;
  throw new UserError(`Port ${wish} is taken. Choose another one with HEALTH_PORT.`);
}

function givenPort(variable: string, least: number): number | undefined {
  const text = process.env[variable];
  if (!text) return undefined;
  const port = /^\d+$/.test(text) ? Number(text) : NaN;
  if (port >= least && port <= 65_535) return port;
  throw new UserError(`${variable} is "${text}"; it has to be a number from ${least} to 65535.`);
}
