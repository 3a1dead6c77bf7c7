import fc from 'fast-check';
import { seededRandom } from '../testbed/random';

describe('seeded random numbers', () => {
  it('are the same for the same seed', () => {
    const sequence = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({ length: 20 }, () => random.next());
    };
    expect(sequence(7)).toEqual(sequence(7));
    expect(sequence(7)).not.toEqual(sequence(8));
  });

  it('stay within their bounds, and a shuffle keeps every card', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 0, max: 50 }),
        fc.array(fc.integer()),
        (seed, span, cards) => {
          const random = seededRandom(seed);
          const value = random.int(3, 3 + span);
          expect(value).toBeGreaterThanOrEqual(3);
          expect(value).toBeLessThanOrEqual(3 + span);
          const sorted = (all: number[]) => all.toSorted((a, b) => a - b);
          expect(sorted(random.shuffle(cards))).toEqual(sorted(cards));
        },
      ),
    );
    const random = seededRandom(1);
    expect(new Set(Array.from({ length: 200 }, () => random.int(1, 3)))).toEqual(new Set([1, 2, 3]));
  });
});
