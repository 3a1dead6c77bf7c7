/** Thrown by {@link within} when the time is up. */
export class LateError extends Error {
  override name = 'LateError';
}

/** A promise's result, if it comes within so many milliseconds. What it was waiting for goes on. */
export function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LateError(`no answer within ${ms} ms`)), Math.max(0, ms));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
