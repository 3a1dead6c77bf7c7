import type { ServerResponse } from 'node:http';

/** The longest that a timer can wait. */
const MOST_MS = 2 ** 31 - 1;

/** Requests that get no answer: held open for so long, then their connection is broken. */
export class HeldRequests {
  private readonly responses = new Map<ServerResponse, NodeJS.Timeout>();

  constructor(private readonly holdMs: number) {}

  hold(response: ServerResponse): void {
    const end = setTimeout(() => response.socket?.destroy(), Math.min(this.holdMs, MOST_MS));
    this.responses.set(response, end);
    response.once('close', () => {
      clearTimeout(end);
      this.responses.delete(response);
    });
  }

  get count(): number {
    return this.responses.size;
  }

  releaseAll(): void {
    for (const response of this.responses.keys()) response.socket?.destroy();
  }
}
