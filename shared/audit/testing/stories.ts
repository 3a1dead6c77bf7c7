import type { OrderStory, WrittenHistory } from './written-history';

const placed: OrderStory = { moves: [['PLACED', 'CUSTOMER']] };
const prepared: OrderStory = {
  moves: [...placed.moves, ['PREPARING', 'MESH']],
  reservation: 'DEDUCTED',
  stock: [-1],
  events: ['inventory.deducted.success.v1'],
};
const onItsWay: OrderStory = { ...prepared, moves: [...prepared.moves, ['OUT_FOR_DELIVERY', 'STAFF']] };

/** Every way that an order can go, told right. */
export const stories = {
  draft: { moves: [['DRAFT', 'STAFF']] },
  draftDropped: {
    moves: [
      ['DRAFT', 'STAFF'],
      ['CANCELLED', 'STAFF', 'STAFF'],
    ],
  },
  placed,
  prepared,
  onItsWay,
  delivered: { ...onItsWay, moves: [...onItsWay.moves, ['DELIVERED', 'STAFF']] },
  cancelled: {
    ...prepared,
    moves: [...prepared.moves, ['CANCELLED', 'CUSTOMER', 'CUSTOMER']],
    reservation: 'RESTORED',
    stock: [-1, 1],
  },
  short: {
    moves: [...placed.moves, ['CANCELLED', 'MESH', 'OUT_OF_STOCK']],
    reservation: 'CANCELLED',
    events: ['order.cancellation.required.v1'],
  },
  cancelledFirst: {
    moves: [...placed.moves, ['CANCELLED', 'CUSTOMER', 'CUSTOMER']],
    reservation: 'CANCELLED',
  },
  timedOut: {
    moves: [...placed.moves, ['CANCELLED', 'MESH', 'TIMEOUT']],
    reservation: 'RESTORED',
    stock: [-1, 1],
    events: ['inventory.deducted.success.v1'],
  },
} satisfies Record<string, OrderStory>;

/** Writes a history in which every promise is kept. @returns an order id of each story that is over */
export async function writeAll(history: WrittenHistory): Promise<Record<keyof typeof stories, string>> {
  await history.begin();
  const ids: Record<string, string> = {};
  for (const [name, story] of Object.entries<OrderStory>(stories))
    if (name !== 'placed') ids[name] = history.order(story);
  history.adjustment(5, 'APPLIED');
  history.adjustment(-1_000, 'REJECTED');
  await history.write();
  return ids as Record<keyof typeof stories, string>;
}
