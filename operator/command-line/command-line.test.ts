import { pace } from './pace';
import { showProgress } from './progress';
import { oneLine, printable, table } from './table';

it('a table aligns its columns and escapes what could move a terminal’s cursor', () => {
  expect(
    table(
      ['NAME', 'N'],
      [
        ['a\x1b[2J', 5],
        ['long name', 1000],
      ],
    ),
  ).toBe('NAME           N\na\\u001b[2J     5\nlong name   1000');
  expect(printable('a\nb\x9bc\u202e')).toBe('a\nb\\u009bc\\u202e');
  expect(oneLine('a\r\nb')).toBe('a\\u000d b');
});

it('progress is a bar on a terminal, and a line every few seconds elsewhere', () => {
  for (const isTTY of [true, false]) {
    let now = 1_000;
    const written: string[] = [];
    const progress = showProgress('Reading', { isTTY, write: (text) => written.push(text) }, () => now);
    for (let done = 1; done <= 100; done++) {
      now += 100;
      progress.update(done, 100, 'x');
    }
    progress.end();
    if (isTTY) {
      expect(written).toHaveLength(101);
      expect(written[49]).toBe(`\r\x1b[KReading [${'#'.repeat(12)}${'-'.repeat(12)}] 50 of 100, x`);
    } else expect(written).toEqual(['Reading: 50 of 100, x\n', 'Reading: 100 of 100, x\n']);
  }
});

it('pace keeps to its rate, and lets go when it is told to', async () => {
  const stopping = new AbortController();
  const turn = pace(100, stopping.signal);
  const from = performance.now();
  for (let n = 0; n < 21; n++) await turn();
  expect(performance.now() - from).toBeGreaterThan(190);
  const slow = pace(0.001, stopping.signal);
  await slow();
  const waiting = slow();
  stopping.abort();
  await waiting;
});
