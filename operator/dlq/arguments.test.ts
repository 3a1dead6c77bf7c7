import { UsageError } from '../command-line/usage-error';
import { readDlqArguments } from './arguments';

const read = (text: string) => readDlqArguments(text.split(' ').filter(Boolean), 1_000_000_000);

describe('the arguments of npm run dlq', () => {
  it('are read into a filter', () => {
    expect(
      read('replay --service a --service b --type t.v1 --reason r --older-than 10m --rate 5 --dry-run'),
    ).toMatchObject({
      action: 'replay',
      services: ['a', 'b'],
      filter: {
        types: ['t.v1'],
        reasons: ['r'],
        before: new Date(1_000_000_000 - 600_000),
        after: undefined,
      },
      rate: 5,
      dryRun: true,
    });
    expect(read('show 3')).toMatchObject({ index: 3, limit: 1, filter: { event: undefined } });
    expect(read('show an-id')).toMatchObject({ index: 1, filter: { event: 'an-id' } });
    expect(read('list --help').action).toBe('help');
  });

  it.each(['replay', 'discard', 'discard --yes', 'replay --dry-run', 'replay --rate 5'])(
    '%s does not act on everything unasked',
    (text) => {
      expect(() => read(text)).toThrow(/--all/);
      expect(read(`${text} --all`).filter).toEqual({});
      expect(read(`${text} --service x`).services).toEqual(['x']);
    },
  );

  it.each([
    ['', 'Say what to do: list, show, replay, discard.'],
    ['requeue', 'Say what to do'],
    ['list --rate 5', '--rate goes with replay and discard, not with list.'],
    ['replay --all --yes', '--yes goes with discard, not with replay.'],
    ['list --sevrice x', "Unknown option '--sevrice'"],
    ['discard x --all', '"x" is not understood'],
    ['replay --all --rate 0', '--rate: "0" is not a whole number'],
    ['list --older-than soon', '--older-than: "soon" is not a duration'],
    ['replay --order=', 'need a value'],
  ])('"%s" is a usage error', (text, message) => {
    expect(() => read(text)).toThrow(UsageError);
    expect(() => read(text)).toThrow(message);
  });
});
