import fc from 'fast-check';
import { afterLook, type Look, type Settled } from './settled-position';

const writer = (transaction: string, pid: number | null = 1) => ({ transaction, pid });
const looks = (...all: Look[]) => all.reduce<Settled | undefined>(afterLook, undefined);

describe('how far the history is settled', () => {
  it('is its end while nobody writes', () => {
    expect(looks({ newest: 7, writers: [] })?.settled).toBe(7);
  });

  it('is what was the end before somebody wrote, for as long as they do', () => {
    const [quiet, first, later] = [
      { newest: 7, writers: [] },
      { newest: 9, writers: [writer('1/1')] },
      { newest: 20, writers: [writer('1/1'), writer('2/5')] },
    ];
    expect(looks(quiet, first)?.settled).toBe(7);
    expect(looks(quiet, first, later)?.settled).toBe(7);
    expect(looks(quiet, first, later, { newest: 21, writers: [writer('2/5')] })?.settled).toBe(9);
    expect(looks(quiet, first, later, { newest: 22, writers: [] })?.settled).toBe(22);
  });

  it('cannot be told while somebody writes who wrote before the first look', () => {
    const first = { newest: 7, writers: [writer('1/1')] };
    expect(looks(first)?.settled).toBeUndefined();
    expect(looks(first, { newest: 9, writers: [writer('1/1')] })?.settled).toBeUndefined();
    expect(looks(first, { newest: 9, writers: [writer('2/1')] })?.settled).toBe(7);
  });

  it('stays where it was when a writer is prepared, and so goes on under another id', () => {
    const before = looks({ newest: 7, writers: [] }, { newest: 9, writers: [writer('1/1')] });
    const prepared = afterLook(before, { newest: 12, writers: [writer('-1/900', null)] });
    expect(prepared.settled).toBe(7);
    expect(afterLook(prepared, { newest: 12, writers: [] }).settled).toBe(12);
  });

  it('is not known of a history that has lost its end, before its writers have ended', () => {
    const before = looks({ newest: 7, writers: [] });
    expect(afterLook(before, { newest: 3, writers: [writer('1/1')] }).settled).toBeUndefined();
    expect(afterLook(before, { newest: 3, writers: [] }).settled).toBe(3);
  });
});

/**
 * A table in the way of PostgreSQL: a transaction locks it, draws ids, can be read once it commits, and gives its lock back after
 * that. A look reads what can be read, and only later who holds the lock.
 */
class Table {
  #drawn = 0;
  #transactions = 0;
  readonly #open = new Map<string, { ids: number[]; state: 'writes' | 'has ended' }>();
  readonly readable = new Set<number>();

  begin(): void {
    this.#open.set(`v${(this.#transactions += 1)}`, { ids: [], state: 'writes' });
  }
  draw(which: number): void {
    this.#pick(which, 'writes')?.[1].ids.push((this.#drawn += 1));
  }
  end(which: number, commits: boolean): void {
    const [, one] = this.#pick(which, 'writes') ?? [];
    if (!one) return;
    if (commits) for (const id of one.ids) this.readable.add(id);
    one.state = 'has ended';
  }
  unlock(which: number): void {
    const [name] = this.#pick(which, 'has ended') ?? [];
    if (name) this.#open.delete(name);
  }
  newest = () => Math.max(0, ...this.readable);
  writers = () => [...this.#open.keys()].map((transaction) => writer(transaction));

  #pick(which: number, state: string) {
    const some = [...this.#open].filter(([, one]) => one.state === state);
    return some[which % Math.max(1, some.length)];
  }
}

const which = fc.nat({ max: 5 });
const action = fc.oneof(
  { weight: 3, arbitrary: fc.constant((table: Table) => table.begin()) },
  { weight: 6, arbitrary: which.map((one) => (table: Table) => table.draw(one)) },
  { weight: 3, arbitrary: which.map((one) => (table: Table) => table.end(one, true)) },
  { weight: 1, arbitrary: which.map((one) => (table: Table) => table.end(one, false)) },
  { weight: 3, arbitrary: which.map((one) => (table: Table) => table.unlock(one)) },
);

it('never passes an id that can still appear, however transactions and looks are interleaved', () => {
  const round = fc.record({
    before: fc.array(action, { maxLength: 8 }),
    between: fc.array(action, { maxLength: 4 }),
    after: fc.array(action, { maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(round, { maxLength: 12 }), (rounds) => {
      const table = new Table();
      let known: Settled | undefined;
      let passed: { upTo: number; seen: Set<number> } | undefined;
      for (const { before, between, after } of rounds) {
        for (const act of before) act(table);
        const newest = table.newest();
        for (const act of between) act(table);
        known = afterLook(known, { newest, writers: table.writers() });
        for (const act of after) act(table);
        // Read after the look. What was below is the same ever after.
        const { settled } = known;
        if (passed) {
          const { upTo, seen } = passed;
          expect([...table.readable].filter((id) => id <= upTo && !seen.has(id))).toEqual([]);
          expect(settled ?? upTo).toBeGreaterThanOrEqual(upTo);
        }
        if (settled !== undefined)
          passed = { upTo: settled, seen: new Set([...table.readable].filter((id) => id <= settled)) };
      }
    }),
    { numRuns: 2_000 },
  );
});
