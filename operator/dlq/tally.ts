import { table } from '../command-line/table';
import { UNKNOWN_REASON, type DeadLetter } from './dead-letter';

/** How many dead letters are alike, and the span of their times. */
export interface Count {
  service: string;
  type: string;
  reason: string;
  count: number;
  /** Of those that tell their time. */
  oldest?: Date;
  newest?: Date;
}

// A stranger can put any type and reason there is into a queue; the table is for people.
const MOST_GROUPS = 2_000;

/** Counts dead letters by service, type and reason, in bounded memory. */
export function startTally() {
  const groups = new Map<string, Count>();
  return {
    add: ({ service, type = UNKNOWN_REASON, reason, since }: DeadLetter): void => {
      let key = JSON.stringify([service, type, reason]);
      if (groups.size >= MOST_GROUPS && !groups.has(key)) {
        key = JSON.stringify([service]);
        type = reason = '(others)';
      }
      let group = groups.get(key);
      if (!group) groups.set(key, (group = { service, type, reason, count: 0 }));
      group.count++;
      if (!since) return;
      if (!group.oldest || since < group.oldest) group.oldest = since;
      if (!group.newest || since > group.newest) group.newest = since;
    },
    counts: (): Count[] => [...groups.values()].sort((a, b) => keyOf(a).localeCompare(keyOf(b))),
  };
}

const keyOf = ({ service, type, reason }: Count) => `${service} ${type} ${reason}`;

/** The counts as a table with their sum, or as JSON. */
export function printCounts(counts: readonly Count[], json: boolean, print: (text: string) => void): void {
  if (json) return print(JSON.stringify(counts, undefined, 2));
  const sum = counts.reduce((total, { count }) => total + count, 0);
  if (sum === 0) return print('No dead letters.');
  const day = (date: Date | undefined) => date?.toISOString().replace(/\.\d+Z$/, 'Z') ?? '-';
  const rows = counts.map((one) => [
    one.service,
    one.type,
    one.reason,
    one.count,
    day(one.oldest),
    day(one.newest),
  ]);
  print(table(['SERVICE', 'TYPE', 'REASON', 'COUNT', 'OLDEST', 'NEWEST'], rows));
  print(`${sum} dead ${sum === 1 ? 'letter' : 'letters'}.`);
}
