/** What one look at a process's `/healthz` found: a good answer of its own, a bad one of its own, or none. */
export type Look = 'well' | 'stuck' | 'silent';

/** So many looks in a row without a good answer, and a process hangs. */
const MOST_MISSED = 3;
/** So long a process may take until it answers for the first time: on a slow machine a start takes more than a few looks. */
export const START_MS = 60_000;

/** The looks at one process. Its successor gets new ones: what one missed says nothing about the next. */
export class Looks {
  private hasAnswered = false;
  private missed = 0;

  constructor(
    /** Of the process: it is told at `/healthz`. */
    readonly instance: string,
    private readonly startedAt = performance.now(),
  ) {}

  /** It has been heard of otherwise. */
  answered(): void {
    this.hasAnswered = true;
  }

  /** Takes a look into account. @returns whether the process hangs */
  hangsAfter(look: Look, now = performance.now()): boolean {
    if (look !== 'silent') this.answered();
    const isStarting = !this.hasAnswered && now - this.startedAt < START_MS;
    this.missed = look === 'well' || isStarting ? 0 : this.missed + 1;
    return this.missed >= MOST_MISSED;
  }
}
