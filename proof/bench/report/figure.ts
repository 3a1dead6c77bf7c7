import { ratios, type Spread } from '../measure/spread';

/** What is to be reached: of the ratio to the baseline, or of the figure itself. */
export interface Reach {
  of: 'ratio' | 'ours';
  atLeast?: number;
  atMost?: number;
}

/** A line of the report. */
export interface Figure {
  part: string;
  /** With its unit: `orders/s`, `p99, ms`. */
  what: string;
  ours: Spread;
  baseline?: { name: string; value: Spread };
  reach?: Reach;
  /** What has to be known to read it. */
  note?: string;
}

export interface JudgedFigure extends Figure {
  ratio?: Spread;
  /** Undefined where nothing is to be reached. */
  reached?: boolean;
}

/** By the median of the rounds. */
export function judgeFigure(figure: Figure): JudgedFigure {
  const { ours, baseline, reach } = figure;
  const ratio = baseline && ratios(ours, baseline.value);
  if (!reach) return { ...figure, ratio };
  const value = reach.of === 'ratio' ? ratio?.median : ours.median;
  const reached =
    value !== undefined && value >= (reach.atLeast ?? -Infinity) && value <= (reach.atMost ?? Infinity);
  return { ...figure, ratio, reached };
}
