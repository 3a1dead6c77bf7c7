/**
 * The life of an order: the one table of status × cause × actor. Every move, whoever makes it, is
 * looked up here; nothing else in the code compares statuses to decide what may happen.
 */

export const orderStatuses = [
  'DRAFT',
  'PLACED',
  'PREPARING',
  'OUT_FOR_DELIVERY',
  'DELIVERED',
  'CANCELLED',
] as const;
export type OrderStatus = (typeof orderStatuses)[number];

/** Who moves an order: people, over HTTP, or the mesh, by events. */
export const actors = ['CUSTOMER', 'STAFF', 'MESH'] as const;
export type Actor = (typeof actors)[number];

/** Why an order is cancelled; where people do it, who it was. */
export const cancelReasons = ['CUSTOMER', 'STAFF', 'OUT_OF_STOCK', 'PAYMENT_FAILED', 'TIMEOUT'] as const;
export type CancelReason = (typeof cancelReasons)[number];

interface Rule {
  from: OrderStatus;
  to: OrderStatus;
  actors: readonly Actor[];
}

const PEOPLE = ['CUSTOMER', 'STAFF'] as const;

const rules: readonly Rule[] = [
  { from: 'DRAFT', to: 'PLACED', actors: PEOPLE },
  { from: 'DRAFT', to: 'CANCELLED', actors: ['CUSTOMER', 'STAFF', 'MESH'] },
  { from: 'PLACED', to: 'PREPARING', actors: ['MESH'] },
  { from: 'PLACED', to: 'CANCELLED', actors: ['CUSTOMER', 'STAFF', 'MESH'] },
  { from: 'PREPARING', to: 'OUT_FOR_DELIVERY', actors: ['STAFF'] },
  { from: 'PREPARING', to: 'CANCELLED', actors: PEOPLE },
  { from: 'OUT_FOR_DELIVERY', to: 'DELIVERED', actors: ['STAFF'] },
  { from: 'OUT_FOR_DELIVERY', to: 'CANCELLED', actors: PEOPLE },
];

export type MoveDecision =
  | { kind: 'move' }
  /** The order is there already: nothing to do, nothing to announce. */
  | { kind: 'already' }
  | { kind: 'illegal'; allowed: OrderStatus[] };

/** Whether an actor may move an order from one status to another. */
export function decideMove(from: OrderStatus, to: OrderStatus, actor: Actor): MoveDecision {
  if (from === to) return { kind: 'already' };
  if (rules.some((rule) => rule.from === from && rule.to === to && rule.actors.includes(actor)))
    return { kind: 'move' };
  return { kind: 'illegal', allowed: allowedMoves(from, actor) };
}

/** Whether nobody can move an order from there: its life is over. */
export const isFinal = (status: OrderStatus): boolean => !rules.some((rule) => rule.from === status);

/** Where an actor may move an order to from here, in the order of its life. */
export function allowedMoves(from: OrderStatus, actor: Actor): OrderStatus[] {
  return orderStatuses.filter((to) =>
    rules.some((rule) => rule.from === from && rule.to === to && rule.actors.includes(actor)),
  );
}
