import type { DeliveryState, WaitCode } from './wait-codes';

/** What an order waits for, and why that does not come. */
export interface Wait {
  code: WaitCode;
  /** Since when it is owed: for a service since the event was published, for a person since the order's last move. */
  since: string;
  /** Who owes it; order-api where a person does, who says so there. */
  service: string;
  /** For people, in English. */
  sentence: string;
}

/** A delivery that failed, or what was decided about it. */
export interface TimelineFailure {
  at: string;
  /** RETRIED, DEAD_LETTERED, REPLAYED or DISCARDED */
  outcome: string;
  /** Of that attempt, 1 for the first. */
  attempt: number;
  reason: string;
  error: string;
  retry_at: string | null;
}

/** How an event stands with one consumer. */
export interface TimelineConsumer {
  service: string;
  state: DeliveryState;
  /** So far, as far as is on record. */
  attempts: number;
  handled_at: string | null;
  /** From its publication to the transaction that handled it. */
  handle_ms: number | null;
  /** The newest of them, oldest first. */
  failures: TimelineFailure[];
  failures_left_out: number;
}

/** An event about the order, with those that it has caused. */
export interface TimelineEvent {
  id: string;
  type: string;
  /** Who announced it: `/inventory-service`. */
  source: string;
  caused_by: string | null;
  written_at: string;
  /** From when its cause was written, where that is here too. */
  after_cause_ms: number | null;
  published_at: string | null;
  /** From its writing to its publication. */
  publish_ms: number | null;
  /** RabbitMQ refused or returned it; null where it did not, or has taken it since. */
  refused: { attempts: number; error: string; next_attempt_at: string } | null;
  consumers: TimelineConsumer[];
  caused: TimelineEvent[];
}

/** A change of the order. */
export interface TimelineChange {
  version: number;
  from: string | null;
  to: string;
  actor: string;
  reason: string | null;
  note: string | null;
  caused_by: string | null;
  at: string;
}

/** A move of the payment. Where the gateway caused it, `cause` is its answer, and the others are the question. */
export interface TimelinePaymentMove {
  at: string;
  from: string | null;
  to: string;
  cause: string;
  caused_by: string | null;
  /** How often the gateway had been asked; null where it was not, or before that was kept. */
  attempts: number | null;
  asked_at: string | null;
  /** From the last question to the answer. */
  answer_ms: number | null;
  /** Why an earlier question had no answer, the last time. */
  last_error: string | null;
  operator: string | null;
  note: string | null;
}

/** The payment by card, and its questions to the gateway. */
export interface TimelinePayment {
  id: string;
  state: string;
  amount: number;
  currency: string;
  gateway: string | null;
  gateway_reference: string | null;
  decline_code: string | null;
  /** What the gateway is being asked for. */
  operation: string | null;
  attempts: number;
  asked_at: string | null;
  /** When it is asked next, or, while it is being asked, when another process takes over. */
  next_attempt_at: string | null;
  last_error: string | null;
  review: { operation: string; reason: string } | null;
  moves: TimelinePaymentMove[];
  moves_left_out: number;
  ledger: { at: string; kind: string; amount: number; currency: string }[];
}

/** An order's causal history over all services, as of one moment. */
export interface Timeline {
  order_id: string;
  status: string;
  version: number;
  /** The moment, by the database's clock. */
  as_of: string;
  waiting_for: Wait | null;
  /** What it waits for besides. */
  also_waiting_for: Wait[];
  /** The newest, oldest first; each with what it caused. */
  events: TimelineEvent[];
  events_left_out: number;
  payment: TimelinePayment | null;
  history: TimelineChange[];
  history_left_out: number;
}
