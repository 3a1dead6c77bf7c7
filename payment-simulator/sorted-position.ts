/** Where in a sorted list everything less (`before`), or everything up to (`after`), the value ends. */
export function sortedPosition(sorted: readonly string[], value: string, side: 'before' | 'after'): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const one = sorted[middle]!;
    if (one < value || (side === 'after' && one === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}
