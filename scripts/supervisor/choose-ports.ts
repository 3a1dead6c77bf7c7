import { FIRST_OTHER_HEALTH_PORT, healthPorts } from '../../shared/service/health-ports';
import { freePort, isFree } from '../servers/free-port';
import { UserError } from '../servers/search';

/** The variable that tells a service its port. */
export const portVariable = (service: string) => (service === 'order-api' ? 'PORT' : 'HEALTH_PORT');

/**
 * A port for each service. A health port that is taken gives way to the next free
 * one; the API's does not, because its clients expect it where it was said to be.
 */
export async function choosePorts(services: string[]): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  for (const service of services) {
    ports[service] = service === 'order-api' ? await apiPort() : await healthPort(service, services);
  }
  return ports;
}

async function apiPort(): Promise<number> {
  const port = Number(process.env.PORT || 8000);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UserError(`PORT is "${process.env.PORT}"; it has to be a number from 1 to 65535.`);
  }
  if (await isFree(port, process.env.HOST || '127.0.0.1')) return port;
  throw new UserError(
    `Port ${port} is taken. Choose another for the API with PORT, e.g. PORT=${port + 1} npm start`,
  );
}

async function healthPort(service: string, services: string[]): Promise<number> {
  const workers = services.filter((name) => name !== 'order-api');
  // Several at once cannot share one HEALTH_PORT: it is for the single one that is named.
  const wish = workers.length === 1 ? Number(process.env.HEALTH_PORT) : 0;
  return freePort(wish || (healthPorts[service] ?? FIRST_OTHER_HEALTH_PORT));
}
