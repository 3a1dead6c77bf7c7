import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from 'pg';

/** Keeps what waits for a service short, so that a live event has little before it. */
export interface WaitingRoom {
  /** Told of events that were sent. */
  enter(eventIds: readonly string[]): void;
  /** Resolves when there is room for so many more, or the signal is given. */
  roomFor(count: number): Promise<void>;
}

export interface WaitingRoomOptions {
  client: Client;
  service: string;
  /** So many may wait at most. */
  size: number;
  /** The messages ready in the service's queue. */
  ready: () => Promise<number>;
  /** Told again and again while there is no room. */
  onFull: (sent: number, ready: number) => void;
  stopping: AbortSignal;
}

const POLL_MS = 50;
// Sent, not handled, not failed, and not in the queue either: purged, or dead-lettered by the broker.
const LOST_SIGHT_MS = 10_000;

/**
 * Two things count as waiting: messages ready in the queue, whoever sent them (a count that may be seconds
 * old), and the events sent here that the service has neither handled nor failed on (which is exact, and
 * counts what it has in hand).
 */
export async function openWaitingRoom(options: WaitingRoomOptions): Promise<WaitingRoom> {
  const { client, service, size, ready, onFull, stopping } = options;
  const { rows } = await client.query<{ last: string }>(
    'SELECT COALESCE(max(id), 0) AS last FROM delivery_failures',
  );
  const lastFailure = rows[0]?.last ?? '0';
  const waiting = new Set<string>();

  async function see(): Promise<number> {
    const { rows: left } = await client.query<{ id: string }>({
      name: 'backfill-left',
      text: `SELECT sent.id FROM unnest($2::uuid[]) AS sent (id)
             WHERE EXISTS (SELECT FROM processed_events p WHERE p.consumer = $1 AND p.event_id = sent.id)
               OR EXISTS (SELECT FROM delivery_failures f WHERE f.event_id = sent.id AND f.consumer = $1 AND f.id > $3::bigint)`,
      values: [service, [...waiting], lastFailure],
    });
    for (const { id } of left) waiting.delete(id);
    return left.length;
  }

  return {
    enter: (eventIds) => {
      for (const id of eventIds) waiting.add(id);
    },
    roomFor: async (count) => {
      let lastMove = Date.now();
      while (!stopping.aborted) {
        if (waiting.size + count > size && (await see()) > 0) lastMove = Date.now();
        const inQueue = await ready();
        if (inQueue === 0 && Date.now() - lastMove > LOST_SIGHT_MS) waiting.clear();
        if (waiting.size + count <= size && inQueue <= size) return;
        onFull(waiting.size, inQueue);
        await wait(POLL_MS, undefined, { signal: stopping }).catch(() => undefined);
      }
    },
  };
}
