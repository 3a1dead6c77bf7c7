/** What `npm start` gives to everything that runs under it. */
export interface Control {
  /** One line for the user. */
  say: (line: string) => void;
  /** Aborted by the first Ctrl-C. */
  stopping: AbortSignal;
  /** Aborted by the second. */
  hurrying: AbortSignal;
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
