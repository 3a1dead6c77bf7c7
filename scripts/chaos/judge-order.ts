import type { OrderRecord } from './order-books';

/** An order as the database has it in the end. */
export interface FinalOrder {
  id: string;
  status: string;
  cancel_reason: string | null;
  lines: { menu_item_id: string; quantity: number }[];
  /** Every status that it has had. */
  history: string[];
}

/**
 * Holds what became of one client's request against what was asked and answered. Pure.
 * @param plentiful items of which there is always enough
 * @returns what is wrong, in words; nothing when all is well
 */
export function judgeOrder(
  record: OrderRecord,
  found: readonly FinalOrder[],
  plentiful: ReadonlySet<string>,
): string[] {
  const wrong: string[] = [];
  const accepted = found.find((order) => order.id === record.orderId);
  if (record.orderId && !accepted) wrong.push(`order ${record.orderId} was answered 202 and does not exist`);
  if (found.length > record.mayExist)
    wrong.push(`${found.length} orders for ${record.mayExist} requests that may have been done`);
  for (const order of found) {
    // Of an order without an answer the client knows no id: it has asked nothing more of it.
    const asked = order.id === record.orderId ? record : { ...record, cancelling: undefined, moves: {} };
    wrong.push(...judgeFinal(asked, order, plentiful).map((what) => `order ${order.id} ${what}`));
  }
  return wrong.map((what) => `${record.key}: ${what}`);
}

function judgeFinal(asked: OrderRecord, order: FinalOrder, plentiful: ReadonlySet<string>): string[] {
  const wrong: string[] = [];
  const { status, cancel_reason: reason, history } = order;
  if (
    linesOf(order.lines) !==
    linesOf(asked.lines.map(({ itemId, quantity }) => ({ menu_item_id: itemId, quantity })))
  )
    wrong.push(`has other lines than were ordered: ${linesOf(order.lines)}`);
  if (status === 'PLACED' || status === 'DRAFT') wrong.push(`is still ${status}: nobody has decided on it`);

  for (const to of ['OUT_FOR_DELIVERY', 'DELIVERED'] as const) {
    const outcome = asked.moves[to];
    if (outcome === 'done' && !history.includes(to)) wrong.push(`was answered to be ${to} and never was`);
    if ((!outcome || outcome === 'refused') && history.includes(to))
      wrong.push(`became ${to}, which nobody has been told`);
  }

  if (status !== 'CANCELLED') {
    if (asked.cancelling === 'done') wrong.push(`was answered to be CANCELLED and is ${status}`);
    return wrong;
  }
  if (reason === 'OUT_OF_STOCK') {
    if (asked.lines.every(({ itemId }) => plentiful.has(itemId)))
      wrong.push('was cancelled as OUT_OF_STOCK, of items of which there is enough');
  } else if (reason === 'CUSTOMER' || reason === 'STAFF') {
    if (!asked.cancelling || asked.cancelling === 'refused')
      wrong.push(`was cancelled by ${reason}, who has not asked for it`);
  } else wrong.push(`was cancelled because of ${reason}`);
  return wrong;
}

const linesOf = (lines: FinalOrder['lines']) =>
  lines
    .map(({ menu_item_id, quantity }) => `${menu_item_id} × ${quantity}`)
    .sort()
    .join(', ');
