/** How long answers took, by what was asked. */
export class Latencies {
  private readonly times = new Map<string, number[]>();

  add(what: string, ms: number): void {
    const times = this.times.get(what);
    if (times) times.push(ms);
    else this.times.set(what, [ms]);
  }

  summary(): Record<string, { answers: number; p50: number; p99: number; max: number }> {
    return Object.fromEntries(
      [...this.times].map(([what, all]) => {
        const sorted = all.toSorted((a, b) => a - b);
        const at = (share: number) =>
          Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
        return [what, { answers: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) }];
      }),
    );
  }
}
