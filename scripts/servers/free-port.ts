import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Handed out by this process already, and to whom: two servers that start at once must not be given one port. */
const handedOut = new Map<number, string>();

/** The first free loopback port from `preferred` upwards. @param owner who keeps it over restarts, if somebody does */
export async function freePort(preferred: number, owner = ''): Promise<number> {
  for (let port = preferred; port < preferred + 1000; port += 1) if (await takePort(port, owner)) return port;
  throw new Error(`No free port from ${preferred} to ${preferred + 999}`);
}

/** Takes a port, if it is free and nobody else here has it. @returns whether it is the owner's now */
export async function takePort(port: number, owner: string): Promise<boolean> {
  const taken = () => handedOut.has(port) && (owner === '' || handedOut.get(port) !== owner);
  if (taken() || !(await isFree(port)) || taken()) return false; // somebody else may have asked while we looked
  handedOut.set(port, owner);
  return true;
}

/**
 * Where to begin looking for ports that are used for one run only. Random, so that
 * two runs that start at the same time rarely race for one; below the range from
 * which Linux takes the ports of outgoing connections.
 */
export function randomPortBase(): number {
  return randomInt(20_000, 31_000);
}

export async function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
