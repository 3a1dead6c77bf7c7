import { randomUUID } from 'node:crypto';
import { version } from './version';

/** Who answers on a port: which service, and which process of it. */
export interface Identity {
  service: string;
  /** A supervisor gives it, to know its own process from another's that has taken the port. */
  instance: string;
  /** Of the project. */
  version: string;
}

const own: Identity = {
  service: 'ordermesh',
  instance: process.env.ORDERMESH_INSTANCE?.trim() || randomUUID(),
  version,
};

/** Told once, by what runs the service. */
export function nameService(service: string): void {
  own.service = service;
}

/** Part of the answers of `/healthz` and `/readyz`. */
export const identity = (): Identity => ({ ...own });

/**
 * Why whoever asked has not reached whom they asked for: a probe that sees only the status can name the service that it
 * expects, `/readyz?service=inventory-service`, and is not told that all is well by another that has taken the port.
 * @param url the request's, with its query
 */
export function askedForAnother(url: string | undefined): string | undefined {
  const query = url?.includes('?') ? new URLSearchParams(url.slice(url.indexOf('?') + 1)) : undefined;
  for (const what of ['service', 'instance'] as const) {
    const asked = query?.get(what);
    if (asked && asked !== own[what]) return `this is ${what} ${own[what]}, not ${asked}`;
  }
  return undefined;
}
