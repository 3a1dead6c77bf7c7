import type { Database } from '../../shared/service/database';
import { GivenUp } from './attempt';
import { LEASE_MS, type Claimed } from './claim';

const RENEW_AFTER_MS = LEASE_MS / 3;
/** Before the claim ends, an attempt is given up: else another instance could make the same one beside it. */
const MARGIN_MS = LEASE_MS / 6;

interface Held {
  notification: Claimed;
  abort: AbortController;
  /** When the claim was last known to be ours, by this process's own clock. */
  sureAt: number;
  attempting: Promise<void>;
}

/** What this instance has claimed and is at, and its hold on it. */
export class Hands {
  readonly #held = new Set<Held>();

  constructor(
    private readonly database: Database,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Begins an attempt, unless the process was stopped for so long that the claim may be another's. */
  take(notification: Claimed, claimedAt: number, begin: (abort: AbortController) => Promise<void>): void {
    if (this.now() - claimedAt > RENEW_AFTER_MS) return;
    const abort = new AbortController();
    const held: Held = { notification, abort, sureAt: claimedAt, attempting: Promise.resolve() };
    this.#held.add(held);
    held.attempting = begin(abort).finally(() => this.#held.delete(held));
  }

  /** Renews what has been in hand for a while, and gives up what could not be renewed for too long. */
  async renew(): Promise<void> {
    const now = this.now();
    for (const { abort, sureAt } of this.#held)
      if (now - sureAt > LEASE_MS - MARGIN_MS)
        abort.abort(new GivenUp('the claim on it could not be renewed'));
    const old = [...this.#held].filter(({ sureAt }) => now - sureAt > RENEW_AFTER_MS);
    if (old.length === 0) return;
    const renewed = await this.database.$queryRaw<{ id: string }[]>`
      UPDATE notifications AS n SET next_attempt_at = now() + make_interval(secs => ${LEASE_MS / 1000})
      FROM unnest(${old.map(({ notification }) => notification.id)}::uuid[],
        ${old.map(({ notification }) => notification.claim)}::uuid[]) AS held (id, claim)
      WHERE n.id = held.id AND n.claim = held.claim
      RETURNING n.id`;
    const ours = new Set(renewed.map(({ id }) => id));
    for (const held of old)
      if (ours.has(held.notification.id)) held.sureAt = now;
      else held.abort.abort(new GivenUp('somebody else has claimed it'));
  }

  giveUp(why: GivenUp): void {
    for (const { abort } of this.#held) abort.abort(why);
  }

  /** Until every attempt is over. */
  async empty(): Promise<void> {
    await Promise.all([...this.#held].map(({ attempting }) => attempting));
  }
}
