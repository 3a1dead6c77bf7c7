import type { TcpProxy } from '../../shared/testing/tcp-proxy';
import type { BreakableServer, ServerName } from '../testbed/breakable-server';
import type { LinkName, MeshProcess } from '../testbed/mesh-process';
import type { BrokerDesk } from './broker-desk';
import type { Fault } from './fault';
import type { Gateway } from './gateway';
import type { Logins } from './logins';
import type { Poison } from './poison';
import type { Random } from '../testbed/random';
import type { Stranger } from './stranger';

/** What faults are made with. */
export interface Arsenal {
  processes: readonly MeshProcess[];
  servers: Record<ServerName, BreakableServer>;
  /** Those of the services. */
  logins: Logins;
  broker: BrokerDesk;
  gateway: Gateway;
  stranger: Stranger;
  random: Random;
  /** The relay that owns the outbox, by what it said last. */
  relayOwner(): string | undefined;
  /** Every poison that the broker has for certain. */
  poison: Poison[];
  /** Work queues that were deleted with what was in them. */
  deletedQueues: DeletedQueue[];
  /** Messages published again, messages put into another order. */
  tampered: { duplicated: number; reordered: number };
  signal: AbortSignal;
}

export interface DeletedQueue {
  queue: string;
  /** When it was gone for certain. */
  at: number;
  /** Ids of the poison that was in its service's dead letters by then; of all else there is only the log. */
  saved: ReadonlySet<string>;
}

/** Does the harm, holds it for its time, and heals; resolves when the healing is done as far as it is ours to do. */
export type Inflict = (fault: Fault, arsenal: Arsenal) => Promise<void>;

/** `status-service-2`, or `status-service-2:rabbitmq` */
export function processOf({ processes }: Pick<Arsenal, 'processes'>, target: string): MeshProcess {
  const found = processes.find(({ name }) => name === target.split(':')[0]);
  if (!found) throw new Error(`the plan names ${target}, and there is none`);
  return found;
}

export function linkOf(arsenal: Arsenal, target: string): TcpProxy {
  const link = processOf(arsenal, target).links[target.split(':')[1] as LinkName];
  if (!link) throw new Error(`the plan names ${target}, and there is none`);
  return link;
}
