import { shiftedDate } from './shifted-date';

const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2026, 10, 25, 12);

describe('a clock that is off', () => {
  beforeEach(() => jest.useFakeTimers({ now: NOON }));
  afterEach(() => jest.useRealTimers());

  it.each([HOUR_MS, -HOUR_MS])('by %d ms has another present, however it is asked', (offsetMs) => {
    const Shifted = shiftedDate(Date, offsetMs);
    expect(Shifted.now()).toBe(NOON + offsetMs);
    expect(new Shifted().getTime()).toBe(NOON + offsetMs);
    expect(Shifted()).toBe(new Date(NOON + offsetMs).toString());
  });

  it('leaves given times alone, and its dates are dates', () => {
    const Shifted = shiftedDate(Date, HOUR_MS);
    expect(new Shifted('2026-01-01T00:00:00Z').toISOString()).toBe('2026-01-01T00:00:00.000Z');
    expect(Shifted.UTC(2026, 0)).toBe(Date.UTC(2026, 0));
    expect(new Shifted()).toBeInstanceOf(Date);
    expect(new Date()).toBeInstanceOf(Shifted);
  });
});
