/** npm passes a terminal's Ctrl-C on to its child, which has received it already: one arrives twice. */
const sameKeystrokeMs = 1000;

export interface StopHandlers {
  /** The first signal: stop in good order. */
  stop: (signal: NodeJS.Signals) => void;
  /** A later one: the user does not want to wait. */
  hurry: () => void;
}

export function onStopSignals(
  { stop, hurry }: StopHandlers,
  source: NodeJS.EventEmitter = process,
  now = Date.now,
): void {
  let first: number | undefined;
  const received = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = now();
      stop(signal);
    } else if (now() - first > sameKeystrokeMs) {
      hurry();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) source.on(signal, received);
}
