/**
 * Tells those who wait in this process that there may be something for them to do. It counts: who says how often it had been
 * given before he looked for work misses nothing that came while he looked.
 */
export class Signal {
  #given = 0;
  readonly #waiting = new Set<() => void>();

  /** How often it has been given. */
  get given(): number {
    return this.#given;
  }

  give(): void {
    this.#given += 1;
    for (const wake of this.#waiting) wake();
  }

  /** Waits until it has been given more often than `seen`, for so many milliseconds at most, or until `stopping`. */
  after(seen: number, ms: number, stopping?: AbortSignal): Promise<void> {
    if (this.#given !== seen || stopping?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        stopping?.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
      stopping?.addEventListener('abort', wake);
    });
  }
}
