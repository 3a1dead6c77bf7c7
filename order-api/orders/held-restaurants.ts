import type { Statements } from '../../shared/service/transaction';

/**
 * Restaurants whose row some session keeps locked (`SELECT … FOR UPDATE` in a forgotten transaction, a DELETE that is
 * not committed): PostgreSQL then lets no order be written that refers to them. That is theirs, and holds up nobody
 * else's orders for longer than the one lock timeout that it takes to notice.
 */
export interface HeldRestaurants {
  /** Of the restaurants those that were held when last looked at; looks again where there are any. */
  known(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Of the restaurants those that are held now. */
  look(ids: readonly string[]): Promise<ReadonlySet<string>>;
}

export function watchHeldRestaurants(database: Statements): HeldRestaurants {
  let held: ReadonlySet<string> = new Set();

  async function look(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const asked = [...new Set([...ids, ...held])];
    // The lock that a reference takes: what conflicts with it is left out.
    const free = await database.$queryRaw<{ id: string }[]>`
      SELECT id FROM restaurants WHERE id = ANY(${asked}::uuid[]) FOR KEY SHARE SKIP LOCKED`;
    const isFree = new Set(free.map(({ id }) => id));
    held = new Set(asked.filter((id) => !isFree.has(id)));
    return held;
  }

  return { look, known: async (ids) => (ids.some((id) => held.has(id)) ? look(ids) : new Set()) };
}
