import { announce, causedBy, type Announcement } from '../shared/events/announce';
import type { Event } from '../shared/events/envelope';
import type { Handler } from '../shared/messaging/handler';
import { Prisma, type Tx } from '../shared/service/database';
import { write } from '../shared/service/transaction';
import { announceLowStock } from './low-stock';
import type { Movement } from './stock';
import { lockStock, recordMovements } from './stock-rows';

type Requested = Event<'inventory.adjustment.requested.v1'>;
interface Outcome {
  request: Requested;
  result: Movement | 'UNKNOWN_ITEM' | 'BELOW_ZERO' | 'ABOVE_MAXIMUM';
  available: number;
}

/** A restock or correction was asked for: applies it whole, or refuses it whole and says why. */
export const adjustStock: Handler<'inventory.adjustment.requested.v1'> = async (tx, requests) => {
  const unsettled = await lockUnsettled(tx, requests);
  const stock = await lockStock(
    tx,
    unsettled.map((request) => request.data.menu_item_id),
  );
  const outcomes = unsettled.map((request): Outcome => {
    const result = stock.adjust(request.data.menu_item_id, request.data.delta);
    return { request, result, available: stock.available(request.data.menu_item_id) };
  });

  await recordMovements(
    tx,
    outcomes.flatMap(({ request, result }) =>
      typeof result === 'string'
        ? []
        : [
            {
              movement: result,
              cause: { kind: 'ADJUSTMENT', adjustmentId: request.data.adjustment_id, causedBy: request.id },
            },
          ],
    ),
  );
  await recordOutcomes(tx, outcomes);
  return outcomes.flatMap(announceOutcome);
};

/** Makes the outcome rows, in id order; a request whose row is there was settled before. */
async function lockUnsettled(tx: Tx, requests: readonly Requested[]): Promise<Requested[]> {
  const rows = requests.map(({ data: { adjustment_id, menu_item_id } }) => ({ adjustment_id, menu_item_id }));
  const created = await tx.$queryRaw<{ adjustment_id: string }[]>`
    INSERT INTO adjustment_outcomes (adjustment_id, menu_item_id, status, available)
    SELECT adjustment_id, menu_item_id, 'APPLIED', 0
    FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r (adjustment_id uuid, menu_item_id uuid)
    ORDER BY adjustment_id
    ON CONFLICT (adjustment_id) DO NOTHING RETURNING adjustment_id`;
  const unsettled = new Set(created.map((row) => row.adjustment_id));
  // delete() is true once an id, so that of two requests in one batch the first counts.
  return requests.filter((request) => unsettled.delete(request.data.adjustment_id));
}

async function recordOutcomes(tx: Tx, outcomes: readonly Outcome[]): Promise<void> {
  const rows = outcomes.map(({ request, result, available }) => ({
    adjustment_id: request.data.adjustment_id,
    status: typeof result === 'string' ? 'REJECTED' : 'APPLIED',
    rejection: typeof result === 'string' ? result : null,
    available,
  }));
  await write(
    tx,
    Prisma.sql`
    UPDATE adjustment_outcomes o SET status = r.status, rejection = r.rejection, available = r.available, settled_at = now()
    FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r (adjustment_id uuid, status text, rejection text, available int)
    WHERE o.adjustment_id = r.adjustment_id`,
  );
}

function announceOutcome({ request, result, available }: Outcome): Announcement[] {
  const origin = causedBy(request);
  const { adjustment_id, menu_item_id, delta, reason } = request.data;
  const facts = { adjustment_id, menu_item_id, delta, reason, available_qty: available };
  if (typeof result === 'string') {
    return [
      announce(origin, 'inventory.adjustment.rejected.v1', menu_item_id, { ...facts, rejection: result }),
    ];
  }
  return [
    announce(origin, 'inventory.adjusted.v1', menu_item_id, facts),
    ...announceLowStock(origin, result),
  ];
}
