import type { Database, Prisma } from '../../../shared/service/database';

/** Rows to be written, by table, in an order that the foreign keys allow. */
export const noRows = () => ({
  subscription: [] as Prisma.SubscriptionCreateManyInput[],
  order: [] as Prisma.OrderCreateManyInput[],
  orderLine: [] as Prisma.OrderLineCreateManyInput[],
  orderStatusHistory: [] as Prisma.OrderStatusHistoryCreateManyInput[],
  stockMovement: [] as Prisma.StockMovementCreateManyInput[],
  stockReservation: [] as Prisma.StockReservationCreateManyInput[],
  adjustmentRequest: [] as Prisma.AdjustmentRequestCreateManyInput[],
  adjustmentOutcome: [] as Prisma.AdjustmentOutcomeCreateManyInput[],
  payment: [] as Prisma.PaymentCreateManyInput[],
  paymentMove: [] as Prisma.PaymentMoveCreateManyInput[],
  paymentLedger: [] as Prisma.PaymentLedgerCreateManyInput[],
  cardToken: [] as Prisma.CardTokenCreateManyInput[],
  outboxEvent: [] as Prisma.OutboxEventCreateManyInput[],
  eventLog: [] as Prisma.EventLogCreateManyInput[],
  processedEvent: [] as Prisma.ProcessedEventCreateManyInput[],
});

export async function writeRows(database: Database, rows: ReturnType<typeof noRows>): Promise<void> {
  await database.subscription.createMany({ data: rows.subscription });
  await database.order.createMany({ data: rows.order });
  await database.orderLine.createMany({ data: rows.orderLine });
  await database.orderStatusHistory.createMany({ data: rows.orderStatusHistory });
  await database.stockMovement.createMany({ data: rows.stockMovement });
  await database.stockReservation.createMany({ data: rows.stockReservation });
  await database.adjustmentRequest.createMany({ data: rows.adjustmentRequest });
  await database.adjustmentOutcome.createMany({ data: rows.adjustmentOutcome });
  await database.payment.createMany({ data: rows.payment });
  await database.paymentMove.createMany({ data: rows.paymentMove });
  await database.paymentLedger.createMany({ data: rows.paymentLedger });
  await database.cardToken.createMany({ data: rows.cardToken });
  await database.outboxEvent.createMany({ data: rows.outboxEvent });
  await database.eventLog.createMany({ data: rows.eventLog });
  await database.processedEvent.createMany({ data: rows.processedEvent });
}
