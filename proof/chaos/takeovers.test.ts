import type { Inflicted } from './carry-out';
import type { FaultKind } from './fault';
import { judgeTakeovers } from './takeovers';
import type { Sample } from './watch';

const STRUCK = 100_000;

const made = (kind: FaultKind, target: string, struckAt: number, healedAt: number): Inflicted => ({
  fault: { at: struckAt, kind, target, durationMs: healedAt - struckAt },
  struckAt,
  healedAt,
});
const freeze = made('relay-freeze', 'outbox-publisher', STRUCK, STRUCK + 19_000);
/** Looks from the freeze on; the relay publishes nothing until `worksAt`. */
const watched = (worksAt: number, waiting = 3): Sample[] =>
  Array.from({ length: 60 }, (_, n) => {
    const at = STRUCK + n * 500;
    const line = { waiting, oldestAt: 1, settledAt: at < worksAt ? 1 : at };
    const lines = { 'outbox-publisher': line };
    return { at, unready: [], backlog: { waiting, late: 0, unpaid: 0, oldestAt: 1, lines } };
  });

describe('a standby of a stopped owner', () => {
  it('has the outbox within fifteen seconds', () => {
    expect(judgeTakeovers([freeze], watched(STRUCK + 11_000))).toEqual([{ at: STRUCK, afterMs: 11_000 }]);
  });

  it('is missed where it has not', () => {
    expect(judgeTakeovers([freeze], watched(STRUCK + 25_000))).toEqual([{ at: STRUCK, afterMs: undefined }]);
  });

  it('has nothing to do where nothing waits', () => {
    expect(judgeTakeovers([freeze], watched(Infinity, 0))[0]?.afterMs).toBeLessThan(2_000);
  });

  it.each([
    ['a server is away', made('broker-kill', 'rabbitmq', STRUCK - 20_000, STRUCK - 10_000)],
    ['the standby is killed', made('kill', 'outbox-publisher-2', STRUCK + 8_000, STRUCK + 8_001)],
    ['the standby is cut off', made('blackhole', 'outbox-publisher-2:postgres', STRUCK, STRUCK + 9_000)],
    [
      'relays lack a right',
      made('revoke', 'outbox-publisher:SELECT ON outbox_events', STRUCK, STRUCK + 9_000),
    ],
  ])('is not judged where %s too', (_what, other) => {
    expect(judgeTakeovers([freeze, other], watched(Infinity))).toEqual([]);
  });

  it('is judged where others are in trouble', () => {
    const others = [
      made('kill', 'status-service-1', STRUCK, STRUCK + 1),
      made('duplicate', 'exchange', STRUCK, STRUCK + 4_000),
      made('broker-kill', 'rabbitmq', STRUCK - 40_000, STRUCK - 30_000),
      made('broker-kill', 'rabbitmq', STRUCK + 20_000, STRUCK + 25_000),
    ];
    expect(judgeTakeovers([freeze, ...others], watched(Infinity))).toHaveLength(1);
  });

  it('is not judged where the owner was let go before', () => {
    const short = made('relay-freeze', 'outbox-publisher', STRUCK, STRUCK + 9_000);
    expect(judgeTakeovers([short], watched(Infinity))).toEqual([]);
  });
});
