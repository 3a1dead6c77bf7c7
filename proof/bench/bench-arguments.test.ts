import { parseBenchArguments, usage } from './bench-arguments';

const parts = [
  { name: 'accept', what: 'placing orders' },
  { name: 'mesh', what: 'all of it' },
  { name: 'scale', what: 'more of it', long: true as const },
];
const parse = (...args: string[]) => parseBenchArguments(args, parts);

test('without arguments: every part but the long ones, three rounds, each for as long as it thinks fit', () => {
  expect(parse()).toMatchObject({
    parts: ['accept', 'mesh'],
    rounds: 3,
    seconds: undefined,
    strict: false,
    minutes: 20,
  });
});

test('long parts come with --long or by their name, and have more time', () => {
  expect(parse('--long')).toMatchObject({ parts: ['accept', 'mesh', 'scale'], minutes: 120 });
  expect(parse('--only', 'scale')).toMatchObject({ parts: ['scale'], minutes: 120 });
});

test('parts run in their own order, whatever the order they are named in', () => {
  expect(parse('--only', 'mesh, accept').parts).toEqual(['accept', 'mesh']);
});

test.each([
  [['--only', 'acept'], 'There is no part acept.'],
  [['--seconds', '0'], '--seconds: "0" is not a number from 1 to 3600'],
  [['--rounds', '1.5'], '--rounds: "1.5" is not a whole number'],
  [['--frobnicate'], '--frobnicate'],
])('%j is answered with what is wrong, and the usage', (args, message) => {
  expect(() => parse(...args)).toThrow(message);
  expect(() => parse(...args)).toThrow(usage(parts));
});
