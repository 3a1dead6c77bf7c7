/** Something that people have paused, until they resume it. */
export interface Pause {
  part: string;
  by: string;
  why: string;
  since: Date;
}

/** What is paused, as far as this process knows: it reads that every two seconds. */
export interface Pauses {
  /** Resolves when it is known what is paused. @throws where that cannot be read */
  known(): Promise<void>;
  /** Undefined where the part is not paused. */
  of(part: string): Pause | undefined;
  /** Those of the process's own parts that are paused. */
  all(): Pause[];
  /**
   * How much of its usual work a part may do: nothing while it is paused, or it is not known yet whether it is; all of it
   * usually; and after it is resumed a
   * tenth at first, then more by and by, so that what has gathered does not come down on others at once.
   */
  share(part: string): number;
  /** Aborted once the part is paused. */
  whenPaused(part: string): AbortSignal;
  /** Told after each reading. */
  onRead(listener: () => void): void;
}

/** The payment gateway: payment-service goes on, and does not ask it. */
export const GATEWAY = 'gateway';
/** Ways in which people are notified: what is to go out by one waits. */
export const CHANNELS = ['email', 'slack', 'webhook', 'log'] as const;
/** Of notifications. `EMAIL` and `email` are the same. */
export const channelPart = (channel: string): string => channel.toLowerCase();

/** From being resumed to its usual pace. */
export const RAMP_MS = 20_000;
const FIRST_SHARE = 0.1;

export const shareAfter = (resumedMs: number): number =>
  Math.min(1, Math.max(FIRST_SHARE, resumedMs / RAMP_MS));

/** Of a number of things that may be done at a time, how many: none for a share of 0, else at least one. */
export const shareOf = (most: number, share: number): number => Math.ceil(most * share);

/** Where nothing is ever paused. */
export const neverPaused: Pauses = {
  known: () => Promise.resolve(),
  of: () => undefined,
  all: () => [],
  share: () => 1,
  whenPaused: () => new AbortController().signal,
  onRead: () => undefined,
};
