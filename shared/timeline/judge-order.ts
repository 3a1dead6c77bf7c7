import type { EventType } from '../events/contracts';
import { isWorking, operations, type Operation } from '../payment/payment-lifecycle';
import { judgeDelivery, pauseOf, type Standing } from './judge-delivery';
import { GATEWAY, type Pause } from '../service/pauses';
import type { PaymentRecord, Records } from './records';
import { seriousness, type WaitCode } from './wait-codes';

/** Something that an order waits for. */
export interface Owed {
  code: WaitCode;
  since: Date;
  service: string;
  /** What it is to do, after "to"; of a person it is in the code. */
  toDo: string;
  /** Where an event brings it. */
  standing?: Standing;
  /** Where the gateway, or an operator, has to say. */
  payment?: PaymentRecord;
  /** Where somebody has paused what does it. */
  pause?: Pause;
}

const INVENTORY = 'inventory-service';
const STATUS = 'status-service';
const PAYMENT = 'payment-service';
const RELAY = 'outbox-publisher';
const API = 'order-api';

/**
 * What an order waits for, the most serious first: by its status what has to be done, and where that stands. What the
 * services say in their own tables comes before the record of deliveries, which is kept for a shorter time.
 */
export function judgeOrder(records: Records): Owed[] {
  return [...owed(records)].sort(
    (a, b) =>
      seriousness.indexOf(a.code) - seriousness.indexOf(b.code) || a.since.getTime() - b.since.getTime(),
  );
}

function owed(records: Records): Owed[] {
  const { status, updated_at: since } = records.order;
  switch (status) {
    case 'DRAFT':
      return [...changes(records), { code: 'approval', since, service: API, toDo: '' }];
    case 'PLACED':
      return decision(records);
    case 'PREPARING':
    case 'OUT_FOR_DELIVERY':
      return [...changes(records), { code: 'staff', since, service: API, toDo: '' }, ...charge(records)];
    case 'DELIVERED':
      return charge(records);
    case 'CANCELLED':
      return [...stockBack(records), ...moneyBack(records)];
    default:
      return []; // a newer version's
  }
}

/** While order-api is paused nobody can move it. */
function changes(records: Records): Owed[] {
  const pause = pauseOf(records, API);
  return pause ? [{ code: 'paused', since: pause.since, service: API, toDo: 'take changes', pause }] : [];
}

/** PLACED: the stock and, by card, the authorisation; where one of them fails, its cancellation. */
function decision(records: Records): Owed[] {
  const { reservation, payment_method, stock_deducted_at, payment_authorized_at } = records.order;
  const state = records.payment?.payment.state;
  if (reservation === 'REJECTED')
    return delivered(
      records,
      'order.cancellation.required.v1',
      STATUS,
      'cancel the order, as its stock is short',
    );
  if (state === 'FAILED')
    return delivered(records, 'payment.failed.v1', STATUS, 'cancel the order, as its card was declined');
  return [
    ...(stock_deducted_at ? [] : stock(records, reservation)),
    ...(payment_method === 'CASH' || payment_authorized_at ? [] : authorization(records)),
  ];
}

function stock(records: Records, reservation: string | null): Owed[] {
  switch (reservation) {
    case null:
      return delivered(records, 'order.placed.v1', INVENTORY, 'take its stock');
    case 'DEDUCTED':
      return delivered(records, 'inventory.deducted.success.v1', STATUS, 'note that its stock is taken');
    default:
      return [unexplained(records, INVENTORY, 'take its stock')];
  }
}

function authorization(records: Records): Owed[] {
  const toDo = 'have its card authorised';
  const payment = records.payment?.payment;
  if (!payment) return delivered(records, 'order.placed.v1', PAYMENT, toDo);
  if (payment.state === 'AUTHORIZED')
    return delivered(records, 'payment.authorized.v1', STATUS, 'note that its card is authorised');
  return atGateway(records, payment, toDo) ?? [unexplained(records, PAYMENT, toDo)];
}

/** From PREPARING on, paid by card. */
function charge(records: Records): Owed[] {
  const toDo = 'charge its card';
  const payment = records.payment?.payment;
  if (records.order.payment_method === 'CASH') return [];
  switch (payment?.state) {
    case 'CAPTURED':
    case 'VOIDED':
    case 'REFUNDED':
      return [];
    case undefined:
    case 'AUTHORIZED':
    case 'AUTHORIZING':
      return delivered(records, 'order.status.preparing.v1', PAYMENT, toDo);
    default:
      return atGateway(records, payment!, toDo) ?? [unexplained(records, PAYMENT, toDo)];
  }
}

/** CANCELLED; the end of a draft is nobody's business. */
function stockBack(records: Records): Owed[] {
  const { placed_at, reservation } = records.order;
  if (!placed_at || (reservation !== null && reservation !== 'DEDUCTED')) return [];
  const toDo = reservation ? 'give its stock back' : 'note that it is cancelled, so that no stock is taken';
  return afterCancellation(records, INVENTORY, toDo, reservation !== null);
}

function moneyBack(records: Records): Owed[] {
  const { placed_at, payment_method } = records.order;
  if (!placed_at || payment_method === 'CASH') return [];
  const payment = records.payment?.payment;
  if (!payment)
    return afterCancellation(
      records,
      PAYMENT,
      'note that it is cancelled, so that no card is charged',
      false,
    );
  const isTaken = payment.state === 'CAPTURED' || operationOf(payment) === 'REFUND';
  const toDo = isTaken ? 'refund it' : 'release its money';
  switch (payment.state) {
    case 'FAILED':
    case 'VOIDED':
    case 'REFUNDED':
    case 'CANCELLED':
      return [];
    default:
      if (!payment.order_cancelled) return afterCancellation(records, PAYMENT, toDo, true);
      return atGateway(records, payment, toDo) ?? [unexplained(records, PAYMENT, toDo)];
  }
}

/** @param something is held: where nothing is, an event that is no longer on record leaves nothing to be done */
function afterCancellation(records: Records, service: string, toDo: string, something: boolean): Owed[] {
  const isOnRecord = records.events.some(({ type }) => type === 'order.cancelled.v1');
  return isOnRecord || something ? delivered(records, 'order.cancelled.v1', service, toDo) : [];
}

/** What a service does when it handles an event. */
function delivered(records: Records, type: EventType, service: string, toDo: string): Owed[] {
  const event = records.events.find((one) => one.type === type);
  if (!event) return [unexplained(records, service, toDo)];
  const standing = judgeDelivery(records, event, service);
  const { state } = standing;
  // Handled, and not done: the record of one of the two was changed, or is gone.
  if (state === 'handled' || state === 'not_kept') return [unexplained(records, service, toDo)];
  const owner = event.published_at ? service : RELAY;
  const since = event.published_at ?? event.created_at;
  return [{ code: state, since, service: owner, toDo, standing, pause: standing.pause }];
}

const unexplained = (records: Records, service: string, toDo: string): Owed => ({
  code: 'not_on_record',
  since: records.order.updated_at,
  service,
  toDo,
});

/** A payment that is due and not taken up for so long is nobody's work at the moment. */
const TAKEN_UP_MS = 5_000;

/** What the gateway is asked, or a person. @returns undefined where the payment's state asks for nothing */
function atGateway(records: Records, payment: PaymentRecord, toDo: string): Owed[] | undefined {
  const since = records.payment?.moves[0]?.moved_at ?? payment.updated_at;
  const found = (code: WaitCode): Owed[] => [{ code, since, service: PAYMENT, toDo, payment }];
  if (payment.state === 'REVIEW') return found('payment_in_review');
  if (!isWorking(payment.state)) return undefined;
  const pause = pauseOf(records, GATEWAY) ?? pauseOf(records, PAYMENT);
  if (pause) return [{ code: 'paused', since, service: PAYMENT, toDo, payment, pause }];
  const lateMs = records.order.now.getTime() - (payment.next_attempt_at?.getTime() ?? 0);
  const isAway = !records.consumers.some(({ consumer, live }) => consumer === PAYMENT && live > 0);
  // It can ask without RabbitMQ, and then does not say that it lives: that nothing was asked in time is the proof.
  if (lateMs > TAKEN_UP_MS) return found(isAway ? 'service_away' : 'gateway_not_asked');
  if (payment.last_error) return found('gateway_no_answer');
  return found(payment.attempts > 0 ? 'gateway_asked' : 'gateway_not_asked');
}

/** What the gateway is asked for in the payment's state. */
export const operationOf = ({ state, review_operation }: PaymentRecord): Operation | null =>
  review_operation ?? (isWorking(state) ? operations[state] : null);
