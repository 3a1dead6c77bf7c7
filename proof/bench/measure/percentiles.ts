/** A sample of latencies in short. */
export interface Latencies {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

/**
 * The smallest value that at least `share` of the sample does not exceed (the nearest-rank method).
 * @param sorted ascending
 * @returns NaN of no sample
 */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  const rank = Math.max(1, Math.ceil(sorted.length * share));
  return sorted[rank - 1] ?? NaN;
}

/** p50, p99 and the longest, in the unit of the sample. */
export function summarize(sample: readonly number[]): Latencies {
  const sorted = Float64Array.from(sample).sort();
  return {
    count: sorted.length,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    max: percentile(sorted, 1),
  };
}
