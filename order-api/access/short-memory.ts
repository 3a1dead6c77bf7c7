/** A map that forgets: each entry after a time, and the oldest where there are too many. */
export class ShortMemory<V> {
  readonly #entries = new Map<string, { value: V; until: number }>();

  constructor(
    private readonly lifeMs: number,
    private readonly most: number,
  ) {}

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry && entry.until > performance.now()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** @param since when the value was so, by `performance.now()`: its life is counted from there */
  set(key: string, value: V, since: number): void {
    this.#entries.delete(key); // so that it is the youngest
    this.#entries.set(key, { value, until: since + this.lifeMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.most && oldest !== undefined) this.#entries.delete(oldest);
  }
}
