import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Database } from '../../shared/service/database';
import { id } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound } from '../http/problem';
import { route, type RouteContext } from '../http/route';
import { eventFrame } from './event-frame';
import { lastEventId, namedEventId } from './last-event-id';
import { EVENT_STREAM_HEADERS } from './event-stream';
import { moveAnswer, newestMovesOf } from './read-moves';

const A_POSITION = 'an event id of this stream, or 0';

const restaurantEvent = z.union([
  z.object({
    event: z.literal('ready'),
    id: z.int(),
    data: z.object({
      position: z.int().meta({ description: 'Every move after it is shown; the same as the id' }),
    }),
  }),
  z.object({ event: z.literal('move'), id: z.int(), data: moveAnswer }),
]);

export const followRestaurant = route({
  method: 'get',
  path: '/restaurants/{id}/orders/events',
  name: 'followRestaurant',
  example: { params: { id: exampleIds.restaurant } },
  summary: "Follow a restaurant's orders",
  description:
    'Server-Sent Events: `ready`, then a `move` for each change of any of its orders from now on. With `Last-Event-ID` it goes on after that event (with 0: from the first), on any instance. It never passes a move that an open transaction may yet commit: such a transaction holds later moves back.',
  tag: 'Orders',
  params: z.object({ id }),
  concerns: { restaurant: 'id' },
  query: z.object({ last_event_id: lastEventId(A_POSITION) }),
  streams: true,
  answers: { 200: { description: 'A stream; the schema is that of one event', schema: restaurantEvent } },
  async handle({ params, query }, context) {
    const { streams } = context.live;
    streams.refuseWhenFull();
    const given = { header: context.lastEventId, query: query.last_event_id };
    const last = namedEventId(given, A_POSITION);
    const newest = await readNewest(context.database, params.id);
    if (last && last.id > newest)
      throw last.refuse('must be an event id of this stream; there is none so high');
    const start = last ? { position: last.id, seen: [], isNew: false } : await startNow(params.id, context);
    return {
      status: 200,
      headers: EVENT_STREAM_HEADERS,
      body: undefined,
      stream: (response) => follow(response, params.id, start, context),
    };
  },
});

/** The highest position there is. @throws {Problem} 404 where there is no such restaurant */
async function readNewest(database: Database, restaurantId: string): Promise<number> {
  const [row] = await database.$queryRaw<{ newest: bigint | null }[]>`
    SELECT (SELECT id FROM order_status_history ORDER BY id DESC LIMIT 1) AS newest
    FROM restaurants WHERE id = ${restaurantId}::uuid`;
  if (!row) throw notFound(`There is no restaurant ${restaurantId}.`);
  return Number(row.newest ?? 0);
}

/** A position to begin at, and what after it is there already and need not be told. */
interface Start {
  position: number;
  /** Ids. */
  seen: readonly number[];
  /** Whether it is for the client to learn. */
  isNew: boolean;
}

/** Before a restaurant makes as many moves, every transaction that was open has long ended. */
const MOST_SEEN = 1_000;

/**
 * To begin now: where the history is settled. Beyond that, moves that can be read happened before; what an open transaction
 * may yet commit among them did not.
 */
async function startNow(restaurantId: string, { live, database }: RouteContext): Promise<Start> {
  const settled = (await live.feed.settledNow()) ?? 0;
  const seen = await newestMovesOf(database, restaurantId, settled, MOST_SEEN);
  return { position: seen.length < MOST_SEEN ? settled : (seen.at(-1) ?? settled), seen, isNew: true };
}

function follow(
  response: ServerResponse,
  restaurantId: string,
  { position, seen, isNew }: Start,
  { live: { streams, feed } }: RouteContext,
): void {
  const stream = streams.open(response, { heartbeat, onReady: () => feed.wake() });
  const known = new Set(seen);
  if (isNew) stream.send(eventFrame('ready', position, { position }));
  const forget = feed.restaurants.add({
    key: restaurantId,
    position,
    isReady: () => stream.isReady(),
    take: (moves) => {
      for (const { id, told } of moves) if (!known.delete(id)) stream.send(eventFrame('move', id, told));
    },
  });
  stream.onClose(forget);
  feed.wake();

  function heartbeat(): string {
    const since = feed.heldSince();
    return since ? `held back by an open transaction since ${since.toISOString()}` : 'heartbeat';
  }
}
