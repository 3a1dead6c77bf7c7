import { isDeclined } from './card-tokens';
import type { OrderRecord } from './order-books';

/** An order as the database has it in the end. */
export interface FinalOrder {
  id: string;
  status: string;
  cancel_reason: string | null;
  payment_method: string;
  lines: { menu_item_id: string; quantity: number }[];
  /** Every status that it has had. */
  history: string[];
  /** When it was cancelled, in milliseconds since the epoch; null where it was not. */
  cancelled_at: number | null;
  /** When it was cancelled its stock was deducted, and its payment was not authorised yet. */
  only_unpaid: boolean;
  /** When the gateway was asked about its payment and gave no answer. */
  unanswered: readonly number[];
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
  if (record.orderId && !accepted)
    wrong.push(`order ${record.orderId} was answered ${record.draft ? 201 : 202} and does not exist`);
  if (found.length > record.mayExist)
    wrong.push(`${found.length} orders for ${record.mayExist} requests that may have been done`);
  for (const order of found) {
    // Of an order without an answer the client knows no id: it has asked nothing more of it.
    const asked =
      order.id === record.orderId
        ? record
        : { ...record, approving: undefined, cancelling: undefined, moves: {} };
    wrong.push(...judgeFinal(asked, order, plentiful).map((what) => `order ${order.id} ${what}`));
  }
  return wrong.map((what) => `${record.key}: ${what}`);
}

function judgeFinal(asked: OrderRecord, order: FinalOrder, plentiful: ReadonlySet<string>): string[] {
  const wrong: string[] = [];
  const { status, cancel_reason: reason, history } = order;
  const ordered = [asked.lines, ...asked.perhaps].map((lines) =>
    linesOf(lines.map(({ itemId, quantity }) => ({ menu_item_id: itemId, quantity }))),
  );
  if (!ordered.includes(linesOf(order.lines)))
    wrong.push(`has other lines than were ordered: ${linesOf(order.lines)}`);
  if (status === 'PLACED' || (status === 'DRAFT' && !asked.draft))
    wrong.push(`is still ${status}: nobody has decided on it`);
  wrong.push(...judgePlacing(asked, order), ...judgeCard(asked, order));

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
    if (order.lines.every(({ menu_item_id: id }) => plentiful.has(id)))
      wrong.push('was cancelled as OUT_OF_STOCK, of items of which there is enough');
  } else if (reason === 'CUSTOMER' || reason === 'STAFF') {
    if (!asked.cancelling || asked.cancelling === 'refused')
      wrong.push(`was cancelled by ${reason}, who has not asked for it`);
  } else if (reason === 'TIMEOUT') {
    if (!gatewayIsToBlame(order)) wrong.push('was cancelled as TIMEOUT, for a delay of the mesh itself');
  } else if (reason !== 'PAYMENT_FAILED') wrong.push(`was cancelled because of ${reason}`);
  return wrong;
}

/**
 * A deadline is for what will never come: nobody here waits for anything but the mesh, and the mesh's own delay does not
 * count (ADR 7). There is one excuse: the mesh has done all of its part, and the gateway, which is not of the mesh, was
 * asked and gave no answer.
 */
const gatewayIsToBlame = ({ payment_method, only_unpaid, unanswered, cancelled_at }: FinalOrder): boolean =>
  payment_method === 'CARD' && only_unpaid && unanswered.some((at) => at < (cancelled_at ?? 0));

/** An order is placed once; a draft, if it is approved. */
function judgePlacing({ draft, approving, cancelling }: OrderRecord, { history }: FinalOrder): string[] {
  const times = history.filter((status) => status === 'PLACED').length;
  if (times > 1) return [`was placed ${times} times`];
  if (!draft) return times === 1 ? [] : ['was never placed'];
  if (approving === 'done' && times === 0) return ['was answered to be approved and was never placed'];
  if (approving === 'refused' && !cancelling)
    return ['was answered not to be approved, and nobody had cancelled it'];
  const unasked = times > 0 && (!approving || approving === 'refused');
  return unasked ? ['was placed, which nobody has asked for'] : [];
}

/** A card that is declined ends an order that was placed, and no other card does. */
function judgeCard({ payment }: OrderRecord, order: FinalOrder): string[] {
  const { status, cancel_reason: reason, payment_method: method, history } = order;
  if (!history.includes('PLACED')) return reason === 'PAYMENT_FAILED' ? ['was never to be paid'] : [];
  const wrong: string[] = [];
  if (method !== payment.method) wrong.push(`is paid by ${method}, and was to be by ${payment.method}`);
  if (!isDeclined(payment)) {
    if (reason === 'PAYMENT_FAILED') wrong.push(`was cancelled as ${reason}, and its payment is in order`);
  } else if (status !== 'CANCELLED' || history.includes('PREPARING'))
    wrong.push(`became ${history.join(', ')}, with a card that is declined`);
  return wrong;
}

const linesOf = (lines: FinalOrder['lines']) =>
  lines
    .map(({ menu_item_id, quantity }) => `${menu_item_id} × ${quantity}`)
    .sort()
    .join(', ');
