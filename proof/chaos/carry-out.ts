import type { Arsenal } from './arsenal';
import { gatewayKinds, handKinds, outageKinds, type Fault } from './fault';
import { inflict } from './faults';

import { messageOf } from '../../scripts/servers/wait-until';
import { pause } from './pause';

/** A fault that was made. */
export interface Inflicted {
  fault: Fault;
  struckAt: number;
  /** When the cause was gone; undefined while it is not. */
  healedAt?: number;
  /** Why it could not be made or healed as planned. */
  error?: string;
}

export interface CarriedOut {
  inflicted: readonly Inflicted[];
  /** Faults whose turn came too late. */
  leftOut: readonly Fault[];
  done: Promise<void>;
}

/**
 * Makes the faults of a plan when their time comes. Outages wait for one another, however long a server
 * takes to come back; in a brutal plan only those of the same server do. The gateway's wait for one another too, and so
 * do those by hand. On a slow machine turns come late: what has not begun when the orders end is left out.
 */
export function carryOut(
  plan: readonly Fault[],
  arsenal: Arsenal,
  { brutal, untilMs, onFault }: { brutal: boolean; untilMs: number; onFault: (fault: Fault) => void },
): CarriedOut {
  const startedAt = Date.now();
  const inflicted: Inflicted[] = [];
  const leftOut: Fault[] = [];
  const turns = new Map<string, Promise<void>>();

  async function inflictOne(fault: Fault): Promise<void> {
    if (arsenal.signal.aborted) return;
    if (Date.now() > startedAt + untilMs) return void leftOut.push(fault);
    onFault(fault);
    const entry: Inflicted = { fault, struckAt: Date.now() };
    inflicted.push(entry);
    try {
      await inflict[fault.kind](fault, arsenal);
    } catch (error) {
      entry.error = messageOf(error);
    }
    entry.healedAt = Date.now();
  }

  const done = Promise.all(
    plan.map(async (fault) => {
      await pause(startedAt + fault.at - Date.now(), arsenal.signal);
      const lane = laneOf(fault, brutal);
      if (!lane) return inflictOne(fault);
      const turn = (turns.get(lane) ?? Promise.resolve()).then(() => inflictOne(fault));
      turns.set(lane, turn);
      return turn;
    }),
  ).then(() => undefined);
  return { inflicted, leftOut, done };
}

/** Faults that wait for one another. */
function laneOf({ kind, target }: Fault, brutal: boolean): string | undefined {
  const isIn = (kinds: readonly string[]) => kinds.includes(kind);
  if (isIn(outageKinds)) return brutal ? target : 'outages';
  if (isIn(gatewayKinds)) return 'gateway';
  return isIn(handKinds) ? 'by hand' : undefined;
}
