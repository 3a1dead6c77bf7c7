/** One figure over several rounds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
  rounds: number[];
}

/** @throws {Error} of no rounds */
export function spread(rounds: readonly number[]): Spread {
  if (rounds.length === 0) throw new Error('nothing was measured');
  const sorted = rounds.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const at = (index: number) => sorted[index] as number;
  const median = sorted.length % 2 === 1 ? at(Math.floor(middle)) : (at(middle - 1) + at(middle)) / 2;
  return { median, min: at(0), max: at(sorted.length - 1), rounds: [...rounds] };
}

/**
 * Ours over the baseline, round by round: what slows the machine down for a while slows both down. Where
 * they do not come in pairs, all of ours over the baseline's median.
 */
export function ratios(ours: Spread, baseline: Spread): Spread {
  const paired = ours.rounds.length === baseline.rounds.length;
  return spread(ours.rounds.map((value, round) => value / (paired ? at(baseline, round) : baseline.median)));
}

const at = ({ rounds }: Spread, round: number) => rounds[round] as number;
