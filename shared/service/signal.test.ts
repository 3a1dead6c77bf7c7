import { Signal } from './signal';

const LONG_MS = 3_600_000;

/** Whether it has come by the end of this turn of the event loop. */
async function hasCome(promise: Promise<void>): Promise<boolean> {
  let come = false;
  void promise.then(() => (come = true));
  await new Promise((resolve) => setImmediate(resolve));
  return come;
}

describe('a signal', () => {
  it('wakes all who wait, once', async () => {
    const signal = new Signal();
    const [one, other] = [signal.after(0, LONG_MS), signal.after(0, LONG_MS)];
    expect(await hasCome(one)).toBe(false);
    signal.give();
    await Promise.all([one, other]);
    const stopping = new AbortController();
    const next = signal.after(signal.given, LONG_MS, stopping.signal);
    expect(await hasCome(next)).toBe(false);
    stopping.abort();
    await next;
  });

  it('is not missed where it is given while one looks for work', async () => {
    const signal = new Signal();
    const seen = signal.given;
    signal.give();
    await signal.after(seen, LONG_MS);
  });

  it('is waited for no longer than so long, and not by who is told to stop', async () => {
    const signal = new Signal();
    await signal.after(0, 5);
    await signal.after(0, LONG_MS, AbortSignal.abort());
  });
});
