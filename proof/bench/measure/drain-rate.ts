/** Events that were marked published in one transaction, and when it began, in milliseconds. */
export interface MarkedBatch {
  at: number;
  events: number;
}

/**
 * Events a second between the first marking and the last. The first batch is left out: what came before
 * it, a process's start or the commit of what it reads, is no work of the relay's.
 * @param batches in the order of their time
 * @returns NaN of fewer than two
 */
export function drainRate(batches: readonly MarkedBatch[]): number {
  const [first, ...rest] = batches;
  const last = rest.at(-1);
  if (!first || !last || last.at === first.at) return NaN;
  return (rest.reduce((sum, { events }) => sum + events, 0) * 1000) / (last.at - first.at);
}
