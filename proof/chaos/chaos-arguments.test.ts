import { parseChaosArguments } from './chaos-arguments';

describe('the arguments of npm run chaos', () => {
  it('have defaults, and a seed of their own each time', () => {
    const given = parseChaosArguments([]);
    expect(given).toMatchObject({ minutes: 2, rate: 15, brutal: false, keep: false, help: false });
    expect(Number.isInteger(given.seed)).toBe(true);
  });

  it('are read', () => {
    expect(parseChaosArguments('--seed 7 --minutes 0.5 --rate 30 --brutal --keep'.split(' '))).toEqual({
      help: false,
      seed: 7,
      minutes: 0.5,
      rate: 30,
      brutal: true,
      keep: true,
      beside: undefined,
    });
    expect(parseChaosArguments(['--beside', 'v1.0.0']).beside).toBe('v1.0.0');
    expect(parseChaosArguments(['--beside-release']).beside).toMatch(/^[0-9a-f]{40}$/);
  });

  it.each([
    ['--seed', '1.5'],
    ['--seed', 'x'],
    ['--minutes', '0'],
    ['--minutes', ''],
    ['--rate', '-1'],
    ['--loud'],
  ])('are refused: %s %s', (...args) =>
    expect(() => parseChaosArguments(args.filter(Boolean))).toThrow(/--/),
  );
});
