import { readRelease } from '../../scripts/contracts/release';
import { parseVersionsArguments } from './arguments';
import { prepareVersion } from '../testbed/prepare-version';

describe('the arguments of npm run test:versions', () => {
  it('have defaults', () => {
    expect(parseVersionsArguments([])).toEqual({ help: false, keep: false, rate: 200, seconds: 10, seed: 1 });
  });

  it('are read', () => {
    expect(parseVersionsArguments('--from HEAD~3 --rate 50 --seconds 30 --seed 7 --keep'.split(' '))).toEqual(
      {
        help: false,
        from: 'HEAD~3',
        keep: true,
        rate: 50,
        seconds: 30,
        seed: 7,
      },
    );
  });

  it.each([['--rate', '0'], ['--seconds', 'x'], ['--seed', '-1'], ['--loud'], ['HEAD']])(
    'are refused: %s %s',
    (...args) => expect(() => parseVersionsArguments(args.filter(Boolean))).toThrow(/npm run test:versions/),
  );
});

it('the last release is on record as a commit', () => {
  expect(readRelease()).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
    commit: expect.stringMatching(/^[0-9a-f]{40}$/) as string,
  });
});

it('a version that git does not have is no reason to pass', async () => {
  await expect(prepareVersion('0'.repeat(40), () => undefined)).rejects.toThrow(
    /Git does not have the commit 0{40} here.*--unshallow/,
  );
});
