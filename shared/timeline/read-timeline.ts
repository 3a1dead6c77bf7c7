import type { Database, Tx } from '../service/database';
import { causalTree } from './causal-tree';
import { explain } from './explain';
import type { Standing } from './judge-delivery';
import { judgeOrder, type Owed } from './judge-order';
import { countAhead, countUnpublishedBefore, NOTHING, readRecords, type Ahead } from './read-records';
import type { Records } from './records';
import { showChange, showPayment } from './show-records';
import type { Timeline, Wait } from './timeline';
import type { WaitCode } from './wait-codes';

export interface TimelineOptions {
  /** How long a draft is kept after its last change. */
  draftDeadlineMs: number;
}

/**
 * An order's history over all services, and what it waits for: one snapshot of the database, which is only read.
 * The broker is not asked.
 * @returns undefined where there is no such order
 */
export function readTimeline(
  database: Database,
  orderId: string,
  options: TimelineOptions,
): Promise<Timeline | undefined> {
  return database.$transaction(
    async (tx) => {
      await tx.$executeRaw`SET TRANSACTION READ ONLY`;
      const records = await readRecords(tx, orderId);
      if (!records) return undefined;
      const waits: Wait[] = [];
      for (const owed of judgeOrder(records)) waits.push(await showWait(tx, records, owed, options));
      return showTimeline(records, waits);
    },
    { isolationLevel: 'RepeatableRead' },
  );
}

async function showWait(tx: Tx, { order }: Records, owed: Owed, options: TimelineOptions): Promise<Wait> {
  const { code, since, service, standing } = owed;
  const ahead = standing ? await countBefore(tx, code, standing) : NOTHING;
  return { code, since: since.toISOString(), service, sentence: explain(owed, { order, ahead, ...options }) };
}

async function countBefore(tx: Tx, code: WaitCode, { service, event, consumer }: Standing): Promise<Ahead> {
  if (code === 'queued') return countAhead(tx, service, event, consumer?.reached);
  return code === 'not_published' ? countUnpublishedBefore(tx, event) : NOTHING;
}

function showTimeline(records: Records, [waitingFor, ...others]: Wait[]): Timeline {
  const { order, events, changes } = records;
  return {
    order_id: order.id,
    status: order.status,
    version: order.version,
    as_of: order.now.toISOString(),
    waiting_for: waitingFor ?? null,
    also_waiting_for: others,
    events: causalTree(records),
    events_left_out: (events[0]?.total ?? 0) - events.length,
    payment: showPayment(records),
    history: changes.map(showChange).reverse(),
    history_left_out: (changes[0]?.total ?? 0) - changes.length,
  };
}
