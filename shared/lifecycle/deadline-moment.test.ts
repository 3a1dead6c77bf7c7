import fc from 'fast-check';
import { overdueBefore, type Span } from './deadline-moment';

const MINUTE = 60_000;

describe('a deadline does not count the time in which the mesh was paused', () => {
  it.each<[string, Span[], number]>([
    ['never paused', [], 85],
    ['paused before it matters', [{ from: 0, to: 50 }], 85],
    ['paused for a while, and resumed', [{ from: 90, to: 95 }], 80],
    ['paused now', [{ from: 80, to: 100 }], 65],
    ['paused when the deadline began', [{ from: 60, to: 90 }], 55],
    [
      'two at the same time count once',
      [
        { from: 80, to: 90 },
        { from: 85, to: 100 },
      ],
      65,
    ],
    [
      'one within another',
      [
        { from: 88, to: 90 },
        { from: 80, to: 100 },
      ],
      65,
    ],
    [
      'twice',
      [
        { from: 92, to: 96 },
        { from: 80, to: 90 },
      ],
      71,
    ],
    ['ended in the future of a clock that has jumped', [{ from: 95, to: 120 }], 80],
  ])('%s', (_, spans, expected) => {
    expect(overdueBefore(100, 15, spans)).toBe(expected);
  });

  it('twenty minutes of pause and five of catching up make nothing overdue that was placed meanwhile', () => {
    const paused = [{ from: 60 * MINUTE, to: 80 * MINUTE }];
    const before = overdueBefore(85 * MINUTE, 15 * MINUTE, paused);
    expect(before).toBe(50 * MINUTE);
  });

  it('whatever was paused when, exactly as much time of work lies between', () => {
    const span = fc.tuple(fc.nat(1_000), fc.nat(200)).map(([from, length]) => ({ from, to: from + length }));
    fc.assert(
      fc.property(fc.array(span, { maxLength: 8 }), fc.integer({ min: 1, max: 500 }), (spans, deadline) => {
        const now = 1_100;
        const before = overdueBefore(now, deadline, spans);
        let worked = 0;
        for (let at = before; at < now; at += 1)
          if (!spans.some(({ from, to }) => from <= at && at < to)) worked += 1;
        expect(worked).toBe(deadline);
      }),
    );
  });
});
