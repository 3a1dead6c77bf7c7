import type { Line } from './read-backlog';
import { silentStandstills } from './standstills';
import type { Sample } from './watch';

const EVERY_MS = 500;

interface Seen {
  line?: Partial<Line>;
  unready?: string[];
  /** The database did not answer. */
  away?: boolean;
}

/** A sample each half second, from 0 on. */
function watched(service: string, seconds: number, seen: (second: number) => Seen): Sample[] {
  return Array.from({ length: seconds * 2 + 1 }, (_, n) => {
    const at = n * EVERY_MS;
    const { line, unready = [], away } = seen(at / 1_000);
    const lines = { [service]: { waiting: 3, oldestAt: 1, settledAt: 1, ...line } };
    return {
      at,
      unready,
      backlog: away ? undefined : { waiting: 3, late: 3, unpaid: 0, oldestAt: 1, lines },
    };
  });
}

describe('a mesh that stands still', () => {
  it('and says that it is ready is found: a consumer after 25 s, the relay after 15', () => {
    expect(silentStandstills(watched('status-service', 30, () => ({})))).toEqual([
      { service: 'status-service', from: 0, to: 30_000, waiting: 3 },
    ]);
    expect(silentStandstills(watched('status-service', 24, () => ({})))).toEqual([]);
    expect(silentStandstills(watched('outbox-publisher', 16, () => ({})))).toHaveLength(1);
    expect(silentStandstills(watched('outbox-publisher', 14, () => ({})))).toEqual([]);
  });

  it('is found once for each time, and only the time in which nothing moved', () => {
    const seen = (second: number) => ({ line: { settledAt: second < 30 || second > 60 ? 1 : second } });
    expect(silentStandstills(watched('status-service', 90, seen))).toEqual([
      { service: 'status-service', from: 0, to: 29_500, waiting: 3 },
      { service: 'status-service', from: 60_500, to: 90_000, waiting: 3 },
    ]);
  });

  it.each<[string, (second: number) => Seen]>([
    ['where nothing waits', () => ({ line: { waiting: 0, oldestAt: null } })],
    ['where something is done now and then', (second) => ({ line: { settledAt: Math.floor(second / 20) } })],
    ['where the oldest goes', (second) => ({ line: { oldestAt: Math.floor(second / 20) } })],
    ['where a process says it', (second) => ({ unready: second % 20 === 10 ? ['status-service-2'] : [] })],
    ['where the database is away now and then', (second) => ({ away: second % 20 === 10 })],
  ])('is not one %s', (_where, seen) => {
    expect(silentStandstills(watched('status-service', 90, seen))).toEqual([]);
  });

  it('is one where others say it, of the same beginning of a name too', () => {
    const unready = ['payment-service-1', 'status-1', 'status-service-audit-1'];
    expect(silentStandstills(watched('status-service', 30, () => ({ unready })))).toHaveLength(1);
  });

  it('is not one where nobody looked', () => {
    const all = watched('status-service', 60, () => ({}));
    expect(silentStandstills(all.filter(({ at }) => at <= 20_000 || at >= 40_000))).toEqual([]);
  });
});
