import { until } from '../../shared/testing/until';
import { groupCommit } from './group-commit';

const patience = { patienceMs: 10_000, tooLate: () => new Error('too late') };

/** A commit that the test ends: `groups` has what it was given. */
function heldCommit() {
  const groups: number[][] = [];
  const ends: ((results: (string | Error)[] | Promise<never>) => void)[] = [];
  const commit = (group: readonly number[]) => {
    groups.push([...group]);
    return new Promise<(string | Error)[]>((resolve) => ends.push(resolve));
  };
  return { commit, groups, end: (index: number, with_: (string | Error)[]) => ends[index]?.(with_), ends };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what comes in one turn goes together, at once', async () => {
  const { commit, groups, end } = heldCommit();
  const submit = groupCommit({ commit, lanes: 1, largest: 10, ...patience });
  const results = Promise.all([submit(1), submit(2)]);
  await turn();
  expect(groups).toEqual([[1, 2]]);
  end(0, ['one', 'two']);
  await expect(results).resolves.toEqual(['one', 'two']);
});

test('what comes while all lanes are taken forms the next group, up to the largest', async () => {
  const { commit, groups, end } = heldCommit();
  const submit = groupCommit({ commit, lanes: 2, largest: 3, ...patience });
  const all: Promise<string>[] = [submit(1)];
  await turn();
  all.push(submit(2));
  await turn();
  for (const item of [3, 4, 5, 6]) all.push(submit(item));
  await turn();
  expect(groups).toEqual([[1], [2]]);
  end(1, ['b']);
  await all[1];
  expect(groups).toEqual([[1], [2], [3, 4, 5]]);
  end(0, ['a']);
  await all[0];
  expect(groups[3]).toEqual([6]);
  end(2, ['c', 'd', 'e']);
  end(3, ['f']);
  await expect(Promise.all(all)).resolves.toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
});

test('an error is its own item’s alone', async () => {
  const submit = groupCommit<number, string>({
    commit: async (group) => group.map((item) => (item === 2 ? new Error('not two') : `${item}`)),
    lanes: 1,
    largest: 10,
    ...patience,
  });
  const results = await Promise.allSettled([submit(1), submit(2), submit(3)]);
  expect(results).toMatchObject([{ value: '1' }, { reason: { message: 'not two' } }, { value: '3' }]);
});

test('a group that fails fails whole, and its lane is free again', async () => {
  let fails = true;
  const submit = groupCommit<number, number>({
    commit: async (group) => {
      if (fails) throw new Error('away');
      return [...group];
    },
    lanes: 1,
    largest: 10,
    ...patience,
  });
  const results = await Promise.allSettled([submit(1), submit(2)]);
  expect(results).toMatchObject([{ reason: { message: 'away' } }, { reason: { message: 'away' } }]);
  fails = false;
  await expect(submit(3)).resolves.toBe(3);
});

test('a group that fails after a long wait takes with it who has waited beside it, and no newcomer', async () => {
  let fail: (error: Error) => void = () => undefined;
  const groups: number[][] = [];
  const submit = groupCommit<number, number>({
    commit: (group) => {
      groups.push([...group]);
      return groups.length > 1 ? Promise.resolve([...group]) : new Promise((_, reject) => (fail = reject));
    },
    lanes: 1,
    largest: 10,
    ...patience,
    patienceMs: 3_000,
  });
  const first = submit(1);
  await turn();
  const beside = submit(2);
  const asked = performance.now();
  await until('half of its time to be over', () => performance.now() > asked + 1_600);
  const newcomer = submit(3);
  fail(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await expect(beside).rejects.toThrow('too late');
  await expect(newcomer).resolves.toBe(3);
  expect(groups).toEqual([[1], [3]]);
});

test('an item that has waited for too long is not begun any more', async () => {
  const { commit, groups, end } = heldCommit();
  const submit = groupCommit({ commit, lanes: 1, largest: 10, ...patience, patienceMs: 100 });
  const first = submit(1);
  await turn();
  const late = submit(2);
  const asked = performance.now();
  await until('its time to be over', () => performance.now() > asked + 100);
  end(0, ['one']);
  await expect(first).resolves.toBe('one');
  await expect(late).rejects.toThrow('too late');
  expect(groups).toEqual([[1]]);
  const next = submit(3); // the lane is free again
  await turn();
  end(1, ['three']);
  await expect(next).resolves.toBe('three');
});
