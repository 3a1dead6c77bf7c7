import { newId } from '../../../shared/ids';
import type { Database } from '../../../shared/service/database';
import { seedMenu } from '../../../shared/testing/seed';
import { noRows, writeRows } from './rows';
import { tellPayment, type PaymentStory } from './written-payment';

const CONSUMERS: Record<string, string[]> = {
  'order.placed.v1': ['inventory-service', 'notification-service', 'payment-service'],
  'order.cancelled.v1': ['inventory-service', 'notification-service', 'payment-service'],
  'inventory.deducted.success.v1': ['status-service'],
  'order.cancellation.required.v1': ['status-service'],
  'order.status.preparing.v1': ['notification-service', 'payment-service'],
  'payment.authorized.v1': ['status-service', 'notification-service'],
  'payment.failed.v1': ['status-service', 'notification-service'],
  'payment.completed.v1': ['notification-service'],
  'inventory.adjustment.requested.v1': ['inventory-service'],
};

/** Of the first item and of the second, in every order. */
const quantities = [2, 1];

type Cause = { orderId: string } | { adjustmentId: string };
type Move = [to: string, actor: string, reason?: string];

/** An order by the traces that it leaves. */
export interface OrderStory {
  moves: Move[];
  reservation?: string;
  /** Stock movements, in turn: taken (-1) or given back (+1), whole. */
  stock?: (-1 | 1)[];
  /** Events beyond those of its moves. */
  events?: string[];
  /** Paid by card, and how that went. */
  payment?: PaymentStory;
  /** Paid by card. */
  card?: true;
}

/** Histories straight in the tables, as the mesh would have left them an hour ago; {@link write} writes them. */
export class WrittenHistory {
  readonly at = new Date(Date.now() - 3_600_000);
  restaurantId = '';
  items: string[] = [];
  #balances = new Map<string, number>();
  #rows = noRows();

  constructor(readonly database: Database) {}

  /** Two items with a stock of 100 each, and the subscriptions. */
  async begin(): Promise<void> {
    ({ restaurantId: this.restaurantId, items: this.items } = await seedMenu(this.database, [100, 100]));
    for (const item of this.items) this.#balances.set(item, 100);
    const since = new Date(this.at.getTime() - 1);
    for (const [eventType, consumers] of Object.entries(CONSUMERS))
      for (const consumer of consumers) this.#rows.subscription.push({ eventType, consumer, since });
  }

  /** Writes what was told since the last time. */
  async write(): Promise<void> {
    const rows = this.#rows;
    this.#rows = noRows();
    await writeRows(this.database, rows);
    for (const menuItemId of new Set(rows.stockMovement.map((movement) => movement.menuItemId)))
      await this.database.stockLevel.update({
        where: { menuItemId },
        data: { available: this.#balances.get(menuItemId) ?? 0 },
      });
  }

  /** An order of two of the first item and one of the second. @returns its id */
  order({ moves, reservation, stock = [], events = [], payment, card }: OrderStory): string {
    const id = newId();
    const [status, , cancelReason] = moves.at(-1) ?? ['DRAFT', ''];
    const placedAt = moves.some(([to]) => to === 'PLACED') ? this.at : null;
    const paymentMethod = payment || card ? 'CARD' : 'CASH';
    const facts = { currency: 'INR', paymentMethod, correlationId: 'c', createdAt: this.at, placedAt };
    const { restaurantId } = this;
    this.#rows.order.push({ id, restaurantId, status, totalAmount: '300.00', cancelReason, ...facts });
    this.items.forEach((menuItemId, position) => {
      const line = { orderId: id, menuItemId, position, name: 'Dal', price: '100.00' };
      this.#rows.orderLine.push({ ...line, quantity: quantities[position] ?? 0 });
    });
    let fromStatus: string | null = null;
    for (const [toStatus, actor, reason] of moves) {
      const move = { orderId: id, fromStatus, toStatus, actor, reason, movedAt: this.at };
      this.#rows.orderStatusHistory.push(move);
      const endOfDraft = fromStatus === 'DRAFT' && toStatus === 'CANCELLED';
      if (toStatus !== 'DRAFT' && !endOfDraft) this.published(announced(toStatus), id);
      fromStatus = toStatus;
    }
    for (const type of events) this.published(type, id);
    if (payment)
      for (const type of tellPayment(this.#rows, { id, restaurantId, at: this.at }, payment))
        this.published(type, id);
    for (const sign of stock) {
      const kind = sign < 0 ? 'DEDUCTION' : 'RESTORATION';
      this.items.forEach((item, position) =>
        this.stock(kind, item, sign * (quantities[position] ?? 0), { orderId: id }),
      );
    }
    if (reservation) this.#rows.stockReservation.push({ orderId: id, state: reservation });
    return id;
  }

  /** A card token that order-api has kept for an order. */
  cardToken(orderId: string): void {
    this.#rows.cardToken.push({ orderId, ciphertext: Buffer.from('sealed') });
  }

  /** A movement, and the stock after it. */
  stock(kind: string, menuItemId: string, delta: number, cause: Cause): void {
    const balance = (this.#balances.get(menuItemId) ?? 0) + delta;
    this.#balances.set(menuItemId, balance);
    this.#rows.stockMovement.push({ menuItemId, kind, delta, balance, ...cause });
  }

  /** An event in the log, handled by all who subscribed to it but those named. @returns its id */
  published(type: string, subject: string, { butNotBy = [] as string[], at = this.at } = {}): string {
    const eventId = newId();
    const times = { createdAt: at, publishedAt: at };
    this.#rows.eventLog.push({ eventId, type, subject, correlationId: 'c', body: {}, ...times });
    for (const consumer of CONSUMERS[type] ?? [])
      if (!butNotBy.includes(consumer)) this.#rows.processedEvent.push({ consumer, eventId, type, subject });
    return eventId;
  }

  /** A committed event that the relay has not published. @returns its id */
  waiting(type: string, subject: string, { at = this.at, attempts = 0 } = {}): string {
    const eventId = newId();
    const lastError = attempts > 0 ? 'no queue took it' : null;
    const state = { createdAt: at, attempts, lastError };
    this.#rows.outboxEvent.push({ eventId, type, subject, correlationId: 'c', body: {}, ...state });
    return eventId;
  }

  /** A request; its outcome and its movement where it has one. @returns its id */
  adjustment(delta: number, status?: 'APPLIED' | 'REJECTED'): string {
    const [id, menuItemId = ''] = [newId(), this.items[0]];
    this.#rows.adjustmentRequest.push({ id, menuItemId, delta, reason: 'count', requestedAt: this.at });
    if (!status) return id;
    this.published('inventory.adjustment.requested.v1', menuItemId);
    if (status === 'APPLIED') this.stock('ADJUSTMENT', menuItemId, delta, { adjustmentId: id });
    const available = this.#balances.get(menuItemId) ?? 0;
    this.#rows.adjustmentOutcome.push({ adjustmentId: id, menuItemId, status, available });
    return id;
  }
}

/** How a move to a status is announced. */
const announced = (status: string) =>
  ['PLACED', 'CANCELLED'].includes(status)
    ? `order.${status.toLowerCase()}.v1`
    : `order.status.${status.toLowerCase()}.v1`;
