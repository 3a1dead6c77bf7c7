import { groupBy } from '../../shared/group-by';
import type { Move, Place } from './read-moves';

/** Somebody who is told of every move after a position, in order and once. */
export interface Follower {
  /** What it follows: the id of an order or of a restaurant. */
  readonly key: string;
  /** It has been told everything up to here: a version of its order, or an id of the history. */
  position: number;
  /** Whether it can take more now. */
  isReady(): boolean;
  take(moves: readonly Move[]): void;
}

/** Those who follow orders, or those who follow restaurants. */
export interface Followers {
  readonly size: number;
  /** @returns how to have it forgotten */
  add(follower: Follower): () => void;
  /** There is a move of `key` at a position. */
  mark(key: string, position: number): void;
  /** There may be moves of any. */
  markAll(): void;
  /** Whether there is one that waits to be told, and can be. */
  anyDue(): boolean;
  /** Tells those for whom there may be moves what `read` finds for them, a page for each. */
  tell(read: (places: Place[], most: number) => Promise<Move[]>): Promise<void>;
}

/** Moves of one key that are read at a time. */
const PAGE = 100;
/** Keys that one statement looks up. */
const KEYS = 100;

/** @param order what a follower goes by: its key and its position in a move */
export function openFollowers(order: {
  keyOf: (move: Move) => string;
  positionOf: (move: Move) => number;
}): Followers {
  const byKey = new Map<string, Set<Follower>>();
  const due = new Set<Follower>();
  let size = 0;

  function remove(follower: Follower): void {
    const same = byKey.get(follower.key);
    if (!same?.delete(follower)) return;
    if (same.size === 0) byKey.delete(follower.key);
    due.delete(follower);
    size -= 1;
  }

  function tellAll(followers: readonly Follower[], moves: readonly Move[], isLast: boolean): void {
    for (const follower of followers) {
      // In this order: what it is given may end it.
      if (isLast) due.delete(follower);
      const news = moves.filter((move) => order.positionOf(move) > follower.position);
      const last = news.at(-1);
      if (!last) continue;
      follower.position = order.positionOf(last);
      follower.take(news);
    }
  }

  return {
    get size() {
      return size;
    },
    add: (follower) => {
      const same = byKey.get(follower.key) ?? new Set();
      byKey.set(follower.key, same.add(follower));
      due.add(follower); // something may have happened since its position was read
      size += 1;
      return () => remove(follower);
    },
    mark: (key, position) => {
      for (const follower of byKey.get(key) ?? []) if (position > follower.position) due.add(follower);
    },
    markAll: () => {
      for (const followers of byKey.values()) for (const follower of followers) due.add(follower);
    },
    anyDue: () => [...due].some((follower) => follower.isReady()),
    tell: async (read) => {
      const ready = groupBy(
        [...due].filter((follower) => follower.isReady()),
        ({ key }) => key,
      );
      const places = [...ready].map(([key, followers]) => ({
        key,
        position: Math.min(...followers.map(({ position }) => position)),
      }));
      for (let at = 0; at < places.length; at += KEYS) {
        const some = places.slice(at, at + KEYS);
        const moves = groupBy(await read(some, PAGE), order.keyOf);
        for (const { key } of some) {
          const page = moves.get(key) ?? [];
          tellAll(ready.get(key) ?? [], page, page.length < PAGE);
        }
      }
    },
  };
}
