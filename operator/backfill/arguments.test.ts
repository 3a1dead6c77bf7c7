import { UsageError } from '../command-line/usage-error';
import { readBackfillArguments } from './arguments';

describe('the arguments of npm run backfill', () => {
  it.each([
    ['', 'Say which service'],
    ['x --service y', '"x" is not understood'],
    ['--service x --from yesterday', '--from: "yesterday" is not a time'],
    ['--service x --to 2026-11-21T10:00:00', 'is not a time'], // in which zone?
    ['--service x --rate fast', '--rate: "fast"'],
  ])('"%s" is a usage error', (text, message) => {
    const read = () => readBackfillArguments(text.split(' ').filter(Boolean));
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });
});
