/** What a part has started, to be ended in reverse when the part is over, however it ends. */
export class Scope {
  private readonly ends: (() => Promise<unknown>)[] = [];
  private over = false;
  private breakIt: (why: Error) => void = () => undefined;
  /** Rejects when something dies that was not told to: what is measured then means nothing. */
  readonly broken: Promise<never>;

  constructor() {
    this.broken = new Promise((_resolve, reject) => (this.breakIt = reject));
    this.broken.catch(() => undefined); // it is heard where something is awaited
  }

  /** What is started by work that goes on after the end is ended at once. */
  own<T extends { stop(): Promise<unknown> }>(thing: T): T {
    if (this.over) void thing.stop().catch(() => undefined);
    this.ends.push(() => thing.stop());
    return thing;
  }

  fail(why: Error): void {
    this.breakIt(why);
  }

  /** The work's result, unless something breaks first. */
  unlessBroken<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.broken]);
  }

  async end(): Promise<void> {
    this.over = true;
    for (const stop of this.ends.splice(0).toReversed()) await stop().catch(() => undefined);
  }
}

/** Something between two measurements: what it started is ended when it is over. */
export async function inScope<T>(outer: Scope, work: (scope: Scope) => Promise<T>): Promise<T> {
  const inner = new Scope();
  inner.broken.catch((why: Error) => outer.fail(why));
  outer.broken.catch((why: Error) => inner.fail(why));
  try {
    return await inner.unlessBroken(work(inner));
  } finally {
    await inner.end();
  }
}
