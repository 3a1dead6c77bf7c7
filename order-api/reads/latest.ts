/**
 * One question at a time, for all who ask: an answer that is given was asked for after the caller did, and however many
 * come meanwhile share the next.
 */
export function latest<T>(ask: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const begin = (): Promise<T> => {
    const asked = ask();
    running = asked;
    const end = () => {
      if (running === asked) running = undefined;
    };
    asked.then(end, end);
    return asked;
  };
  return () => {
    if (!running) return begin();
    const before = running.catch(() => undefined);
    next ??= before.then(() => {
      next = undefined;
      return begin();
    });
    return next;
  };
}
