import { Hopeless, waitUntil } from './wait-until';

test('resolves with what the first attempt that succeeds returned', async () => {
  let attempts = 0;
  const attempt = () => {
    attempts += 1;
    if (attempts < 3) throw new Error('not yet');
    return attempts;
  };
  await expect(waitUntil(attempt, { what: 'It', timeoutMs: 5000, everyMs: 1 })).resolves.toBe(3);
});

test('the error at the deadline says what was waited for and what failed last', async () => {
  const attempt = () => {
    throw new Error('connection refused');
  };
  await expect(waitUntil(attempt, { what: 'The broker', timeoutMs: 20, everyMs: 1 })).rejects.toThrow(
    'The broker: not within 0 s (connection refused)',
  );
});

test('gives up at once when waiting cannot help, or when it is told to', async () => {
  const dead = () => {
    throw new Hopeless('it has died');
  };
  await expect(waitUntil(dead, { what: 'It', timeoutMs: 60_000 })).rejects.toThrow('it has died');
  const signal = AbortSignal.abort();
  await expect(waitUntil(() => 1, { what: 'It', timeoutMs: 60_000, signal })).rejects.toThrow('aborted');
});
