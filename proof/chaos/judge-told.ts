/** The events of an order's own life, by the status that it has come to. */
export const LIFE: Readonly<Record<string, string>> = {
  PLACED: 'order.placed.v1',
  PREPARING: 'order.status.preparing.v1',
  OUT_FOR_DELIVERY: 'order.status.out_for_delivery.v1',
  DELIVERED: 'order.status.delivered.v1',
  CANCELLED: 'order.cancelled.v1',
};

/** An order, and what was published of its own life. */
export interface ToldOrder {
  id: string;
  /** Every step that it has made. */
  history: { status: string; version: number }[];
  events: { type: string; version: number | null }[];
}

/**
 * Every step of an order since it was placed has its event. Pure.
 * @returns what is wrong, in words; nothing when all is well
 */
export function judgeTold({ id, history, events }: ToldOrder): string[] {
  const placed = history.findIndex(({ status }) => status === 'PLACED');
  return (placed < 0 ? [] : history.slice(placed)).flatMap(({ status, version }) => {
    const told = events.filter((event) => event.type === LIFE[status] && event.version === version);
    return told.length === 1
      ? []
      : [`order ${id} became ${status} as version ${version}, and ${told.length} events say so`];
  });
}
