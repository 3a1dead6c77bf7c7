import { parseStat } from './process-tree';

test('the CPU of a process is its own and that of the children it has waited for', () => {
  // proc(5): 14 utime, 15 stime, 16 cutime, 17 cstime
  const after = Array.from({ length: 49 }, (_, index) => String(index + 4));
  after[0] = '1';
  expect(parseStat(`4242 (node) S ${after.join(' ')}`)).toEqual({
    pid: 4242,
    parent: 1,
    ticks: 14 + 15 + 16 + 17,
  });
});

test('a name may have spaces and parentheses', () => {
  expect(parseStat('7 (a (b) c) R 3 7 7 0 -1 0 0 0 0 0 10 5 2 1 20 0 1 0 99 1000 50 1')).toEqual({
    pid: 7,
    parent: 3,
    ticks: 18,
  });
});
