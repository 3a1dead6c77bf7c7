import { pause } from '../../shared/service/pause';
import { preferenceApplied } from '../http/prefer';
import { withHeaders, type Answer } from '../http/answer';
import type { RouteContext } from '../http/route';
import type { Live } from '../live/live';
import { readOrder, type ShownOrder } from './order-view';

/** Who waits costs a connection and a look at the history; beyond so many, they are answered at once. */
const MOST_WAITING = 1_000;
let waiting = 0;

interface Placed {
  order_id: string;
  status: string;
  version: number;
}

/**
 * Holds the answer to who prefers to wait (RFC 7240) until the order has left PLACED, and then tells where it stands: 200.
 * When the time is up, when the process stops, or where too many wait, it is the 202 that it was.
 * @param gone the client has left
 */
export async function waitForDecision(
  answer: Answer,
  { caller, database, live, preferences: { waitSeconds } }: RouteContext,
  gone: AbortSignal,
): Promise<Answer> {
  if (answer.status !== 202 || waitSeconds === undefined || waiting >= MOST_WAITING) return answer;
  const placed = answer.body as Placed;
  const applied = preferenceApplied(
    (answer.headers?.['Preference-Applied'] ?? undefined) as string | undefined,
    `wait=${waitSeconds}`,
  );
  waiting += 1;
  try {
    if (placed.status === 'PLACED') await moved(live, placed, waitSeconds, gone);
    const order = await readOrder(database, placed.order_id, caller).catch(() => undefined);
    if (!order || order.status === 'PLACED') return withHeaders(answer, applied);
    const { status, version } = order;
    const body = { ...placed, status, version, message: whereItStands(order) };
    return withHeaders({ ...answer, status: 200, version, body }, applied);
  } finally {
    waiting -= 1;
  }
}

/** Resolves when the order has moved, or when that is not waited for any longer. */
async function moved(live: Live, { order_id: key, version }: Placed, seconds: number, gone: AbortSignal) {
  const enough = new AbortController();
  const end = () => enough.abort();
  const forget = live.feed.orders.add({
    key,
    position: version,
    isReady: () => true,
    take: end,
  });
  live.feed.wake();
  // Not AbortSignal.any: what depends on a signal that lives as long as the process would be kept for as long.
  const others = [gone, live.stopping];
  for (const signal of others) signal.addEventListener('abort', end);
  if (others.some((signal) => signal.aborted)) end();
  await pause(seconds * 1_000, enough.signal);
  for (const signal of others) signal.removeEventListener('abort', end);
  forget();
}

const whereItStands = ({ status, cancel_message }: ShownOrder): string =>
  status === 'CANCELLED' ? `The order is CANCELLED. ${cancel_message}` : `The order is ${status}.`;
