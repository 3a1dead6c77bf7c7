/** A transaction that has written to the history, or is about to, and has not ended. */
export interface Writer {
  /** Its virtual id, which no other transaction has while it lasts. */
  transaction: string;
  /** Of its session; null once it is prepared for a two-phase commit. */
  pid: number | null;
}

/** One look at the history: what could be read, and right after that who still wrote. */
export interface Look {
  /** The highest id that could be read; 0 where there is none. */
  newest: number;
  writers: readonly Writer[];
}

/** What is known after a look. */
export interface Settled {
  newest: number;
  /** Up to here nothing can appear any more; undefined while that cannot be told. */
  settled: number | undefined;
  /** Who writes, and the id that all of theirs are above; undefined: not known. */
  writers: ReadonlyMap<string, { pid: number | null; above: number | undefined }>;
}

/**
 * How far the history is settled. Ids are drawn from a sequence as rows are inserted, but rows appear as transactions
 * commit, in another order: behind 7 that can be read, 6 may yet appear. Who reads on from 7 never sees it.
 *
 * A transaction draws its ids after it has locked the table (`RowExclusiveLock`, as every INSERT does), and keeps the lock
 * until after its rows can be read. So one that is met for the first time has drawn all of its ids since the look before, and
 * they are above what was the newest then; and where nobody writes after a look, all that was drawn before it has appeared,
 * or was rolled back and never will. Other tables, databases and transactions that only read hold nothing back.
 *
 * Two cases know less. At the first look of all, ids may have been drawn at any time before: nothing is settled before those
 * writers have ended. And a transaction that is prepared goes on under another id: it is above what was settled.
 */
export function afterLook(before: Settled | undefined, look: Look): Settled {
  // A history that has lost its end (restored, or failed over) is another one.
  const known = before && look.newest >= (before.settled ?? 0) ? before : undefined;
  const aboveOf = ({ transaction, pid }: Writer) => {
    const met = known?.writers.get(transaction);
    if (met) return met.above;
    return pid === null ? known?.settled : known?.newest;
  };
  const writers = new Map(
    look.writers.map((writer) => [writer.transaction, { pid: writer.pid, above: aboveOf(writer) }]),
  );
  const bounds = [...writers.values()].map(({ above }) => above);
  const settled = bounds.includes(undefined) ? undefined : Math.min(look.newest, ...(bounds as number[]));
  return { newest: look.newest, settled, writers };
}
