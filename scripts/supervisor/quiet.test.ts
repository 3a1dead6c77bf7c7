import { createQuiet } from './quiet';

const neverAborted = new AbortController().signal;

/** Writes lines until it is stopped. */
function noise(heard: () => void): () => void {
  const timer = setInterval(heard, 5);
  return () => clearInterval(timer);
}

test('what comes in between puts it off', async () => {
  const { heard, fallen } = createQuiet(200, 60_000);
  let isQuiet = false;
  const waiting = fallen(neverAborted).then(() => (isQuiet = true));
  const stop = noise(heard);
  const startedAt = performance.now();
  while (performance.now() - startedAt < 600) await new Promise((resolve) => setTimeout(resolve, 10));
  const wasQuiet = isQuiet;
  stop();
  await waiting;
  expect(wasQuiet).toBe(false);
});

test('endless noise is not waited out', async () => {
  const { heard, fallen } = createQuiet(60_000, 100);
  const stop = noise(heard);
  await fallen(neverAborted);
  stop();
});

test('a stop ends the wait', async () => {
  const stopping = new AbortController();
  const waiting = createQuiet(60_000, 60_000).fallen(stopping.signal);
  stopping.abort();
  await waiting;
});
