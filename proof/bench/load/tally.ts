import { summarize } from '../measure/percentiles';
import type { Answer } from './answer-reader';
import type { Outcome } from './job';

/** Counts what belongs to the measured time. Times are those of `performance.now()`. */
export class Tally {
  private readonly statuses: Record<string, number> = {};
  private readonly latencies: number[] = [];
  private retryAfter = 0;
  private unanswered = 0;

  constructor(
    readonly fromMs: number,
    readonly toMs: number,
  ) {}

  /** @param at the moment that decides whether it belongs: of a closed load the answer's, of an open one when it was due */
  add(at: number, latencyMs: number, result: Answer | Error): void {
    if (at < this.fromMs || at >= this.toMs) return;
    if (result instanceof Error) {
      this.unanswered += 1;
      this.latencies.push(latencyMs); // at least so long
      return;
    }
    this.statuses[result.status] = (this.statuses[result.status] ?? 0) + 1;
    if (result.status === 503 && result.retryAfter) this.retryAfter += 1;
    if (result.status < 300) this.latencies.push(latencyMs);
  }

  outcome(): Outcome {
    const epoch = performance.timeOrigin;
    return {
      from: epoch + this.fromMs,
      to: epoch + this.toMs,
      statuses: this.statuses,
      retryAfter: this.retryAfter,
      unanswered: this.unanswered,
      latencies: summarize(this.latencies),
    };
  }
}
