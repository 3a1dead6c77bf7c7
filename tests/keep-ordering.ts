import type { Mesh } from '../shared/testing/mesh';
import { checkLedger } from '../shared/testing/seed';

/** Places orders of one unit each, a few at a time, until so many are accepted. */
export function keepOrdering(mesh: Mesh, restaurantId: string, itemId: string, count: number) {
  const accepted: string[] = [];
  const done = Promise.all(
    [0, 1, 2, 3].map(async () => {
      while (accepted.length < count) accepted.push(await mesh.place(restaurantId, itemId));
    }),
  );
  return { accepted, done };
}

/** Every accepted order is PREPARING, its stock deducted once, every event handled once, no dead letters. */
export async function expectAllPrepared(
  mesh: Mesh,
  accepted: readonly string[],
  itemId: string,
  stock: number,
): Promise<void> {
  await mesh.quiet();
  const database = mesh.db.database;
  const notPrepared = await database.order.findMany({
    where: { id: { in: [...accepted] }, status: { not: 'PREPARING' } },
  });
  expect(notPrepared).toEqual([]);
  expect(await mesh.available(itemId)).toBe(stock - accepted.length);
  await checkLedger(database);
  expect(
    await database.notification.count({
      where: {
        eventType: 'order.status.preparing.v1',
        audience: 'CUSTOMER',
        orderId: { in: [...accepted] },
      },
    }),
  ).toBe(accepted.length);
  for (const service of ['inventory-service', 'status-service', 'notification-service']) {
    expect(await mesh.broker.isEmpty(`${service}.dlq`)).toBe(true);
  }
}
