import { decideMove, type Actor, type OrderStatus } from '../../shared/lifecycle/order-lifecycle';
import { groupBy } from '../../shared/group-by';
import { paymentViolations } from './payment-invariants';
import type { World } from './world';

/** @returns what is wrong once everything has come to its end; nothing, if all is well */
export async function violations(world: World): Promise<string[]> {
  const { database, orders: orderIds, items, published } = world;
  const [orders, stock, movements] = await Promise.all([
    database.order.findMany({
      where: { id: { in: orderIds } },
      include: { lines: true, history: { orderBy: { id: 'asc' } } },
    }),
    database.stockLevel.findMany({ where: { menuItemId: { in: items } } }),
    database.stockMovement.findMany({ where: { menuItemId: { in: items } }, orderBy: { id: 'asc' } }),
  ]);
  const found: string[] = [];
  const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);

  for (const { menuItemId, available } of stock) {
    const ledger = sum(movements.filter((one) => one.menuItemId === menuItemId).map((one) => one.delta));
    if (available < 0 || available !== ledger)
      found.push(`item ${menuItemId}: ${available} available, the ledger says ${ledger}`);
  }
  for (const order of orders) {
    const name = `order ${String.fromCharCode(65 + orderIds.indexOf(order.id))} (${order.status})`;
    const own = movements.filter((one) => one.orderId === order.id);
    const cancelled = order.status === 'CANCELLED';
    if (order.status === 'PLACED') found.push(`${name} is stuck`);
    // A gateway that does not answer is not the mesh.
    if (order.cancelReason === 'TIMEOUT' && order.paymentMethod === 'CASH')
      found.push(`${name} was blamed for the delay of the mesh`);
    for (const line of order.lines) {
      const held = -sum(own.filter((one) => one.menuItemId === line.menuItemId).map((one) => one.delta));
      const due = cancelled || order.status === 'DRAFT' ? 0 : line.quantity;
      if (held !== due) found.push(`${name} holds ${held} of ${line.menuItemId} and should hold ${due}`);
    }
    for (const [key, moves] of groupBy(own, (one) => `${one.kind} of ${one.menuItemId}`)) {
      if (moves.length > 1) found.push(`${name} has ${moves.length} × ${key}`);
    }
    const path = order.history.map((move) => move.toStatus);
    if (path.at(-1) !== order.status) found.push(`${name} has the history ${path.join(' → ')}`);
    for (const [index, move] of order.history.entries()) {
      const from = order.history[index - 1]?.toStatus ?? null;
      const legal =
        from === null
          ? move.fromStatus === null
          : move.fromStatus === from &&
            decideMove(from as OrderStatus, move.toStatus as OrderStatus, move.actor as Actor).kind ===
              'move';
      if (!legal) found.push(`${name} moved ${move.fromStatus} → ${move.toStatus} by ${move.actor}`);
    }
    // One announcement a move: whatever was published twice is the same event.
    const announced = new Set(
      published
        .filter((event) => event.subject === order.id && event.type.startsWith('order.'))
        .filter((event) => event.type !== 'order.cancellation.required.v1')
        .map((event) => event.id),
    );
    // Of a draft, only what follows its approval.
    const moves = order.history.filter(
      (move) => move.toStatus === 'PLACED' || path.includes('PLACED'),
    ).length;
    const due = moves - (path[0] === 'DRAFT' && moves > 0 ? 1 : 0);
    if (announced.size !== due)
      found.push(`${name} has ${path.join(' → ')} and ${announced.size} events about its moves`);
  }
  return [...found, ...(await paymentViolations(world))];
}
