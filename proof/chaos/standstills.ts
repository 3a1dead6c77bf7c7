import { RELAY, type Line } from './read-backlog';
import type { Sample } from './watch';

/** A time in which work waited for a service, nothing of it was done, and each of its processes said it was ready. */
export interface Standstill {
  service: string;
  from: number;
  to: number;
  waiting: number;
}

/**
 * So long nothing may move before somebody says so. The relay: it calls ten seconds without a mark stuck, and looks at
 * an owner that is silent after five. A consumer: a broker's connection that is dead is noticed after two heartbeats of
 * ten seconds, and what was never delivered is looked for every five.
 */
const ALLOWED_MS = { relay: 15_000, consumer: 25_000 };
/** Between two looks that are further apart anything may have happened. */
const LONGEST_GAP_MS = 5_000;

/**
 * Times in which a mesh stood still and called itself ready. Pure, over what was seen.
 *
 * A service stands still from a sample on at which work waits for it and all of its processes are ready, for as long as
 * the next ones show the same and nothing done: neither the time of its last work nor the oldest that waits has
 * changed. A process that does not answer is not ready. Where the database did not answer, or nobody looked, nothing
 * is known, and it begins anew.
 */
export function silentStandstills(samples: readonly Sample[]): Standstill[] {
  const services = new Set(samples.flatMap(({ backlog }) => Object.keys(backlog?.lines ?? {})));
  return [...services].flatMap((service) => ofService(service, samples));
}

function ofService(service: string, samples: readonly Sample[]): Standstill[] {
  const allowedMs = service === RELAY ? ALLOWED_MS.relay : ALLOWED_MS.consumer;
  const found: Standstill[] = [];
  let last: Standstill | undefined;
  let lastLine: Line | undefined;
  const end = () => {
    if (last && last.to - last.from > allowedMs) found.push(last);
    last = undefined;
  };
  for (const { at, unready, backlog } of samples) {
    const line = backlog?.lines[service];
    if (!last || !line || at - last.to > LONGEST_GAP_MS || !isSame(line, lastLine)) end();
    const stands =
      line !== undefined && line.waiting > 0 && !unready.some((name) => isOf(name, service)) && line;
    if (!stands) end();
    else last = { service, from: last?.from ?? at, to: at, waiting: line.waiting };
    lastLine = line;
  }
  end();
  return found;
}

const isSame = (one: Line, other: Line | undefined) =>
  one.settledAt === other?.settledAt && one.oldestAt === other?.oldestAt;

/** `status-service-2` is of `status-service`. */
export const isOf = (process: string, service: string): boolean => process.replace(/-\d+$/, '') === service;
