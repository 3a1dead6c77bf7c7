import type { Reply } from './api-client';

export interface OrderLine {
  itemId: string;
  quantity: number;
}

export type StaffStatus = 'OUT_FOR_DELIVERY' | 'DELIVERED';
/** What became of something asked for: known to be done, known not to be, or neither. */
export type Outcome = 'done' | 'refused' | 'unknown';

/** What one client has asked for and been told: all that it may hold the mesh to. */
export interface OrderRecord {
  /** The client's own name, `customer_id` of the order: by it an order is found whose answer was lost. */
  key: string;
  lines: OrderLine[];
  placing: Outcome | 'pending';
  /** How many orders there may be: one for each request that was not certainly refused. */
  mayExist: number;
  /** From the 202. */
  orderId?: string;
  cancelling?: Outcome;
  moves: Partial<Record<StaffStatus, Outcome>>;
}

/** What an answer says of a request. 503 promises nothing: the database may have been lost after its commit. */
export function outcomeOf(reply: Reply): Outcome {
  if (reply.kind === 'not-sent') return 'refused';
  if (reply.kind === 'unknown' || reply.status >= 500) return 'unknown';
  return reply.status < 300 ? 'done' : 'refused';
}

/** The books of all clients of a run. */
export class OrderBooks {
  readonly orders: OrderRecord[] = [];
  /** Answers that no client should ever get, whatever is broken. */
  readonly improper: string[] = [];

  open(key: string, lines: OrderLine[]): OrderRecord {
    const order: OrderRecord = { key, lines, placing: 'pending', mayExist: 0, moves: {} };
    this.orders.push(order);
    return order;
  }

  /** Enters the reply to a `POST /orders`. */
  placed(order: OrderRecord, reply: Reply): Outcome {
    this.note('POST /orders', reply, [202]);
    const outcome = outcomeOf(reply);
    order.placing = outcome;
    if (outcome !== 'refused') order.mayExist += 1;
    if (reply.kind === 'answer' && outcome === 'done') {
      order.orderId = String(reply.body.order_id);
      if (reply.body.status !== 'PLACED')
        this.improper.push(`POST /orders answered 202 and ${String(reply.body.status)}`);
    }
    return outcome;
  }

  /** Enters the reply to a cancellation; one that once was unknown may have been done, whatever comes later. */
  cancelled(order: OrderRecord, reply: Reply): Outcome {
    this.note('POST /orders/{id}/cancel', reply, [200, 409]);
    const outcome = outcomeOf(reply);
    order.cancelling = later(order.cancelling, outcome);
    return outcome;
  }

  moved(order: OrderRecord, to: StaffStatus, reply: Reply): Outcome {
    this.note('PATCH /orders/{id}/status', reply, [200, 409]);
    const outcome = outcomeOf(reply);
    order.moves[to] = later(order.moves[to], outcome);
    return outcome;
  }

  /** Whatever is broken: no 5xx but 503, and to a request that is in order nothing but what belongs to it. */
  note(what: string, reply: Reply, proper: readonly number[]): void {
    if (reply.kind !== 'answer' || reply.status === 503 || proper.includes(reply.status)) return;
    this.improper.push(`${what} answered ${reply.status}: ${JSON.stringify(reply.body).slice(0, 300)}`);
  }

  count(outcome: OrderRecord['placing']): number {
    return this.orders.filter((order) => order.placing === outcome).length;
  }
}

/** Of several requests for the same: one that was done is done; one that may have been, stays so. */
function later(before: Outcome | undefined, now: Outcome): Outcome {
  if (before === 'done' || now === 'done') return 'done';
  return before === 'unknown' ? 'unknown' : now;
}
