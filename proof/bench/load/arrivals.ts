/**
 * Requests at a fixed rate, evenly spaced: the n-th is due n/rate after the start. The moments depend on
 * nothing that happens meanwhile, so that a server which stalls is charged with all who came in the time.
 */
export class Arrivals {
  private taken = 0;

  /** @param rate requests a second */
  constructor(
    private readonly rate: number,
    private readonly startMs: number,
    private readonly endMs: number,
  ) {}

  /** When those were due that are due by now and were not taken before. */
  take(nowMs: number): number[] {
    const due: number[] = [];
    for (let at = this.next; at <= nowMs && at < this.endMs; at = this.next) {
      due.push(at);
      this.taken += 1;
    }
    return due;
  }

  get over(): boolean {
    return this.next >= this.endMs;
  }

  private get next(): number {
    return this.startMs + (this.taken * 1000) / this.rate;
  }
}
