import type { Database } from '../../shared/service/database';

const NEWEST = 20;

/** What a customer has, and the newest of what it is the sum of. Whoever has earned nothing has zero. */
export async function readPoints(database: Database, customerId: string) {
  // One snapshot, so that the sum is that of the movements beside it.
  const [total, newest] = await database.$transaction(
    [
      database.loyaltyMovement.aggregate({ where: { customerId }, _sum: { points: true } }),
      database.loyaltyMovement.findMany({ where: { customerId }, orderBy: { id: 'desc' }, take: NEWEST }),
    ],
    { isolationLevel: 'RepeatableRead' },
  );
  return {
    customer_id: customerId,
    points: Number(total._sum.points ?? 0),
    movements: newest.map(({ kind, points, paymentId, movedAt }) => ({
      kind,
      points: Number(points),
      payment_id: paymentId,
      moved_at: movedAt.toISOString(),
    })),
  };
}
