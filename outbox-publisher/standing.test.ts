import { performance } from 'node:perf_hooks';
import { createStanding, type Standing } from './standing';

let now: number;
let standing: Standing;
beforeEach(() => {
  now = 1_000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  standing = createStanding();
  standing.connected();
});
afterEach(() => jest.restoreAllMocks());

const owner = (silentMs: number | null) => ({
  pid: 7,
  application: 'outbox-publisher',
  silentMs,
  ended: false,
});

describe('a relay is ready', () => {
  it('as the owner, while what waits is marked', () => {
    standing.owns();
    standing.waiting(5, undefined, []);
    expect(standing.relaying()).toBe(true);
    now += 9_000;
    standing.moved();
    now += 9_000;
    expect(standing.relaying()).toBe(true);
    now += 2_000;
    expect(standing.relaying()).toBe('5 events wait, and none was marked as published for 11 s');
    standing.waiting(5, undefined, ['order.placed.v1']);
    expect(standing.relaying()).toContain('no queue takes order.placed.v1');
    standing.waiting(5, 'a mark fails', []);
    expect(standing.relaying()).toBe('a mark fails');
    standing.waiting(0, undefined, []);
    expect(standing.relaying()).toBe(true);
    now += 60_000; // nothing to do is no fault
    standing.waiting(0, undefined, []);
    expect(standing.relaying()).toBe(true);
  });

  it('as a standby, beside an owner that does something', () => {
    expect(standing.relaying()).not.toBe(true);
    standing.standsBy(owner(20));
    expect(standing.relaying()).toBe(true);
    standing.standsBy(owner(null)); // not to be seen by this role
    expect(standing.relaying()).toBe(true);
    standing.standsBy(owner(6_000));
    expect(standing.relaying()).toContain('PostgreSQL process 7');
    standing.standsBy(undefined); // between two owners
    expect(standing.relaying()).toBe(true);
    now += 4_000;
    standing.standsBy(undefined);
    expect(standing.relaying()).toBe('no relay owns the outbox');
  });

  it('while the database is there', () => {
    standing.owns();
    standing.disconnected('connection refused');
    expect([standing.database(), standing.relaying()]).toEqual(['connection refused', 'starting']);
    standing.connected();
    standing.standsBy(undefined); // and nobody else owns
    expect([standing.database(), standing.relaying()]).toEqual([true, 'no relay owns the outbox']);
  });
});

it('a relay is alive while its loop turns', () => {
  standing.beat();
  now += 29_000;
  expect(standing.alive()).toBe(true);
  now += 2_000;
  expect(standing.alive()).toBe("the relay's loop has not turned for 31 s");
});
