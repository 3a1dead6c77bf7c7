import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Handed out by this process already: two servers that start at once must not be given one port. */
const handedOut = new Set<number>();

/** The first free loopback port from `preferred` upwards. */
export async function freePort(preferred: number): Promise<number> {
  for (let port = preferred; port < preferred + 1000; port += 1) {
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error(`No free port from ${preferred} to ${preferred + 999}`);
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
