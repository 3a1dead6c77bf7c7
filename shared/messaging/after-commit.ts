import type { Tx } from '../service/database';

const waiting = new WeakMap<Tx, (() => void)[]>();

/**
 * Has something done once the transaction that a handler works in has committed: to wake a worker of the same process for
 * what it records. It must not throw. It is not done where the process ends in between, so that a worker looks now and
 * then all the same.
 */
export function afterCommit(tx: Tx, work: () => void): void {
  const works = waiting.get(tx);
  if (works) works.push(work);
  else waiting.set(tx, [work]);
}

/** Does what waits for the commit; for those who open transactions for handlers. */
export function committed(tx: Tx): void {
  for (const work of waiting.get(tx) ?? []) work();
  waiting.delete(tx);
}
