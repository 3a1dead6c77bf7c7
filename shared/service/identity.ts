import { randomUUID } from 'node:crypto';

/** Who answers on a port: which service, and which process of it. */
export interface Identity {
  service: string;
  /** A supervisor gives it, to know its own process from another's that has taken the port. */
  instance: string;
}

const own: Identity = { service: 'ordermesh', instance: process.env.ORDERMESH_INSTANCE || randomUUID() };

/** Told once, by what runs the service. */
export function nameService(service: string): void {
  own.service = service;
}

/** Part of the answers of `/healthz` and `/readyz`. */
export const identity = (): Identity => ({ ...own });
