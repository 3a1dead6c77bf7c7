import { overloaded, type Problem } from './problem';

/**
 * Bounds the requests in progress: beyond what is being worked on, one more would only wait, and those behind it
 * longer. It is told to come back instead, at the price of reading its head.
 */
export interface Admission {
  /** To be asked before a request is read. */
  isFull(): boolean;
  /** What one is told that finds no place. */
  readonly refusal: Problem;
  /** Takes a place for as long as the work lasts. @throws {Problem} the refusal, when there is none any more */
  during<T>(work: () => Promise<T>): Promise<T>;
}

export function boundAdmission(mostInProgress: number): Admission {
  let inProgress = 0;
  const isFull = () => inProgress >= mostInProgress;
  // Made once: with its stack trace it would be most of what turning somebody away costs.
  const refusal = overloaded(
    `${mostInProgress} requests are in progress here, and more are not taken on.`,
    1,
  );
  return {
    isFull,
    refusal,
    // Not from the head on: a client that is slow to send its body shall not hold a place.
    during: async (work) => {
      if (isFull()) throw refusal;
      inProgress += 1;
      try {
        return await work();
      } finally {
        inProgress -= 1;
      }
    },
  };
}
