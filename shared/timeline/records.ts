import type { PaymentState, ReviewedOperation } from '../payment/payment-lifecycle';
import type { Prisma } from '../service/database';
import type { Pause } from '../service/pauses';

// What is on record of an order, as it is read at one moment.

export interface OrderRecord {
  id: string;
  status: string;
  version: number;
  payment_method: string;
  created_at: Date;
  placed_at: Date | null;
  updated_at: Date;
  /** The moment, by the database's clock. */
  now: Date;
  /** inventory-service's word; null where it has none. */
  reservation: string | null;
  /** status-service's word. */
  stock_deducted_at: Date | null;
  payment_authorized_at: Date | null;
}

export interface ChangeRecord {
  version: number;
  from_status: string | null;
  to_status: string;
  actor: string;
  reason: string | null;
  note: string | null;
  caused_by: string | null;
  moved_at: Date;
  /** How many there are. */
  total: number;
}

export interface EventRecord {
  event_id: string;
  type: string;
  source: string | null;
  causation_id: string | null;
  /** The outbox's number, as text; null in old ones. */
  seq: string | null;
  created_at: Date;
  /** Null while it is in the outbox; what follows is of then. */
  published_at: Date | null;
  attempts: number;
  next_attempt_at: Date | null;
  last_error: string | null;
  total: number;
}

/** An event at a consumer that takes its type, or has handled it all the same. */
export interface DeliveryRecord {
  event_id: string;
  consumer: string;
  processed_at: Date | null;
  attempts: number | null;
  /** Begun after a redelivery, and neither finished nor failed yet. */
  starts: number | null;
}

export interface FailureRecord {
  consumer: string;
  event_id: string;
  outcome: string;
  attempt: number;
  reason: string;
  error: string;
  failed_at: Date;
  retry_at: Date | null;
  total: number;
}

/** How a consumer stands as a whole. */
export interface ConsumerRecord {
  consumer: string;
  /** Instances that have renewed their row within the lease. */
  live: number;
  /** All that was published before is done, by all of these. */
  reached: Date | null;
  /** By any of its instances, within the last hour. */
  heard_at: Date | null;
}

export interface PaymentRecord {
  id: string;
  state: PaymentState;
  amount: Prisma.Decimal;
  currency: string;
  order_cancelled: boolean;
  gateway: string | null;
  gateway_reference: string | null;
  decline_code: string | null;
  review_operation: ReviewedOperation | null;
  review_reason: string | null;
  attempts: number;
  asked_at: Date | null;
  next_attempt_at: Date | null;
  last_error: string | null;
  updated_at: Date;
}

export interface PaymentMoveRecord {
  from_state: string | null;
  to_state: string;
  cause: string;
  caused_by: string | null;
  attempts: number | null;
  asked_at: Date | null;
  last_error: string | null;
  operator: string | null;
  note: string | null;
  moved_at: Date;
  total: number;
}

export interface LedgerRecord {
  kind: string;
  amount: Prisma.Decimal;
  currency: string;
  recorded_at: Date;
}

export interface Records {
  order: OrderRecord;
  /** Newest first, as are all of these. */
  changes: ChangeRecord[];
  events: EventRecord[];
  deliveries: DeliveryRecord[];
  failures: FailureRecord[];
  consumers: ConsumerRecord[];
  /** What is paused now. */
  pauses: Pause[];
  /** Whether some relay owns the outbox; of interest where an event is not published. */
  relayIsAtWork: boolean;
  /** Events with an id below it may have been handled, and nothing tells of it any more. */
  keptFrom: string;
  payment: { payment: PaymentRecord; moves: PaymentMoveRecord[]; ledger: LedgerRecord[] } | undefined;
}
