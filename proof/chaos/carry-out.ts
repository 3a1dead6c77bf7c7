import { inflict, type Arsenal } from './faults';
import { gatewayKinds, outageKinds, type Fault } from './fault';

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
  done: Promise<void>;
}

/**
 * Makes the faults of a plan when their time comes. Outages wait for one another, however long a server
 * takes to come back; in a brutal plan only those of the same server do. The gateway's wait for one another too.
 */
export function carryOut(
  plan: readonly Fault[],
  arsenal: Arsenal,
  { brutal, onFault }: { brutal: boolean; onFault: (fault: Fault) => void },
): CarriedOut {
  const startedAt = Date.now();
  const inflicted: Inflicted[] = [];
  const turns = new Map<string, Promise<void>>();

  async function inflictOne(fault: Fault): Promise<void> {
    if (arsenal.signal.aborted) return;
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
      const lane = isOutage(fault) ? (brutal ? fault.target : 'outages') : isGateways(fault) && 'gateway';
      if (!lane) return inflictOne(fault);
      const turn = (turns.get(lane) ?? Promise.resolve()).then(() => inflictOne(fault));
      turns.set(lane, turn);
      return turn;
    }),
  ).then(() => undefined);
  return { inflicted, done };
}

const isGateways = ({ kind }: Fault): boolean => (gatewayKinds as readonly string[]).includes(kind);

export const isOutage = ({ kind }: Fault): boolean => (outageKinds as readonly string[]).includes(kind);
