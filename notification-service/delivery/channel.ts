import type { Prisma } from '../../prisma/generated/client';
import type { Tx } from '../../shared/service/database';

/** What a channel is given to send. */
export interface Outgoing {
  /** Goes along, as Message-ID or webhook-id: who gets it twice can tell. */
  id: string;
  eventId: string;
  eventType: string;
  channel: string;
  /** An address, or the id of an endpoint. */
  recipient: string;
  /** What fails together: `email`, `slack`, `webhook:<endpoint>`. */
  lane: string;
  kind: string | null;
  orderId: string | null;
  restaurantId: string | null;
  correlationId: string;
  /** W3C Trace Context of what it was recorded under. */
  traceparent?: string | null;
  tracestate?: string | null;
  /** What its recorder put there: all that is needed to send it. */
  data: Prisma.JsonValue;
  /** The data of others that go out with it, oldest first. */
  gathered: Prisma.JsonValue[];
  /** This attempt's number; the first is 1. */
  attempt: number;
}

/** Something to keep about an attempt: status code, the answer's beginning. It gets a row in `notification_attempts`. */
export type Detail = Prisma.JsonObject;

export interface Sent {
  detail?: Detail;
}

/** What became of an attempt. */
export interface Settlement {
  notification: Outgoing;
  /** PENDING: it is tried again. */
  status: 'SENT' | 'PENDING' | 'FAILED' | 'DROPPED';
  error?: string;
  detail?: Detail;
  /** The attempt was not made, and does not count. */
  unspent?: boolean;
}

/** A way to reach people. A new instance of {@link Channel} is made once for the process. */
export interface Channel {
  /** How many it sends at a time in one lane. */
  concurrency: number;
  /** When the signal of `send` is aborted. */
  timeoutMs: number;
  /** How long it is waited after the first attempt, the second, …; after the last delay and one more attempt it failed for good. */
  retryDelays: readonly number[];
  /**
   * Sends it. It is called outside of any transaction, and may be called twice with the same notification should
   * the process die before the outcome is recorded.
   * @throws {Refused} where trying again cannot help
   * @throws {TryLater} where this one could not be sent now, but others of the lane can
   * Any other error says that the lane is in trouble, and has it retried.
   */
  send(notification: Outgoing, signal: AbortSignal): Promise<Sent | void>;
  /** Called within the transaction that records what became of the channel's notifications. */
  onSettled?(tx: Tx, settlements: readonly Settlement[]): Promise<void>;
  /** Called once, when everything is over. */
  close?(): void;
}

interface About {
  detail?: Detail;
}

/** It cannot be sent, now or later. */
export class Refused extends Error {
  override name = 'Refused';
  readonly detail?: Detail;
  constructor(message: string, about: About = {}) {
    super(message);
    this.detail = about.detail;
  }
}

/** Nobody need be told any more: not an error, and not sent. */
export class Dropped extends Error {
  override name = 'Dropped';
}

/** It could not be sent now; `afterMs` is when the other side wants it again, at the earliest. */
export class TryLater extends Error {
  override name = 'TryLater';
  readonly detail?: Detail;
  readonly afterMs?: number;
  /** The other side is in trouble, and not only with this one: others of the lane wait too. */
  readonly wholeLane: boolean;
  constructor(message: string, about: About & { afterMs?: number; wholeLane?: boolean } = {}) {
    super(message);
    this.detail = about.detail;
    this.afterMs = about.afterMs;
    this.wholeLane = about.wholeLane ?? false;
  }
}
