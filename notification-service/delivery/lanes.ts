import { shareOf } from '../../shared/service/pauses';
import type { Room } from './claim';

const TROUBLE_AFTER = 3;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** What asks to be left alone for longer gets one at a time by then: nobody should wait a day for a slip. */
const LONGEST_REST_MS = 10 * 60_000;

interface Lane {
  busy: number;
  /** Failures in a row that were the lane's. */
  failures: number;
  pausedUntil: number;
  /** It asked to be left alone until then, whatever else gets through. */
  restsUntil: number;
}

/**
 * What this instance has in hand in each lane, and how the lane is. A lane in trouble is left alone for a while, and
 * then given one at a time until something gets through, so that it costs little of what the others need.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  /**
   * @param concurrency of the lanes of each channel, by the lower-case name that their lanes begin with
   * @param overall how many at a time, all lanes together
   */
  constructor(
    private readonly concurrency: Readonly<Record<string, number>>,
    private readonly overall: number,
    /** How much of that a channel may do at the moment, from 0 to 1. */
    private readonly share: (channel: string) => number = () => 1,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get busy(): number {
    let busy = 0;
    for (const lane of this.#lanes.values()) busy += lane.busy;
    return busy;
  }

  room(): Room {
    const lanes: Record<string, number> = {};
    for (const [name, lane] of this.#lanes) lanes[name] = Math.max(0, this.#roomIn(name, lane) - lane.busy);
    const usual = Object.fromEntries(Object.keys(this.concurrency).map((name) => [name, this.#usual(name)]));
    return { overall: this.overall - this.busy, usual, lanes };
  }

  #usual(channel: string): number {
    return shareOf(this.concurrency[channel] ?? 0, this.share(channel));
  }

  #roomIn(name: string, lane: Lane): number {
    const usual = this.#usual(name.split(':', 1)[0]!);
    if (usual === 0 || this.now() < lane.restsUntil) return 0;
    if (lane.failures < TROUBLE_AFTER) return usual;
    return this.now() < lane.pausedUntil ? 0 : 1;
  }

  /** How many lanes of each channel are in trouble. */
  failing(): Record<string, number> {
    const counts = Object.fromEntries(Object.keys(this.concurrency).map((channel) => [channel, 0]));
    for (const [name, { failures }] of this.#lanes)
      if (failures >= TROUBLE_AFTER) counts[name.split(':', 1)[0]!]! += 1;
    return counts;
  }

  begin(name: string): void {
    const lane = this.#lanes.get(name) ?? { busy: 0, failures: 0, pausedUntil: 0, restsUntil: 0 };
    lane.busy++;
    this.#lanes.set(name, lane);
  }

  /**
   * @param how `failed` where it was the lane's fault
   * @param restMs for how long the other side wants nothing more
   */
  end(name: string, how: 'reached' | 'failed' | 'unknown', restMs = 0): void {
    const lane = this.#lanes.get(name)!;
    lane.busy--;
    if (restMs > 0)
      lane.restsUntil = Math.max(lane.restsUntil, this.now() + Math.min(restMs, LONGEST_REST_MS));
    if (how === 'reached') lane.failures = 0;
    if (how === 'failed') {
      const over = ++lane.failures - TROUBLE_AFTER;
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(over, 10));
      if (over >= 0) lane.pausedUntil = this.now() + pause * (0.5 + Math.random() / 2);
    }
    if (lane.busy === 0 && lane.failures === 0 && lane.restsUntil <= this.now()) this.#lanes.delete(name);
  }
}
