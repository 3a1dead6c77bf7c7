import { setMaxListeners } from 'node:events';
import { briefly } from '../shared/messaging/failure';
import { DeclarationRefused } from '../shared/messaging/declaration-refused';
import { QueueInTheWay } from '../shared/messaging/renew-queue';
import { ConfigError } from '../shared/service/config';
import { ConnectionRefused } from '../shared/service/permanent-connection-error';
import { redactError, redactText } from '../shared/service/redact';
import { forgetBlanks } from '../shared/service/without-blanks';
import { UserError } from './servers/search';
import { Hopeless, TimedOut } from './servers/wait-until';
import { onStopSignals } from './supervisor/stop-signals';

export interface StopSignals {
  /** Aborted by the first Ctrl-C (or SIGTERM, SIGHUP): stop in good order. */
  stopping: AbortSignal;
  /** Aborted by the second: stop now. */
  hurrying: AbortSignal;
}

export interface MainOptions {
  /** Called with the first signal, before `stopping` is aborted. */
  onStop?: (signal: NodeJS.Signals) => void;
  /** Whether the command stops when nobody reads its output any more (`… | head`). Default: it goes on. */
  stopsUnread?: boolean;
  /** The exit code after a stop that was asked for. Default: 130. */
  stoppedCode?: number;
  /** Prints an error and returns the exit code. Default: {@link printError}. */
  onError?: (error: unknown) => number;
}

/** Runs the body of a command, which returns its exit code, and ends the process with it. */
export function runMain(body: (signals: StopSignals) => Promise<number>, options: MainOptions = {}): void {
  const { onStop, stopsUnread = false, stoppedCode = 130, onError = printError } = options;
  forgetBlanks();
  const stopping = new AbortController();
  const hurrying = new AbortController();
  setMaxListeners(0, stopping.signal, hurrying.signal); // every wait listens
  onStopSignals({
    stop: (signal) => {
      onStop?.(signal);
      stopping.abort();
    },
    hurry: () => hurrying.abort(),
  });
  const unwritten = () => {
    if (stopsUnread) stopping.abort();
  };
  process.stderr.on('error', unwritten);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // EPIPE: whoever reads has had enough (`… | head`). Anything else, such as a full disk, has lost what was asked for.
    if (error.code !== 'EPIPE') outputIsLost(briefly(error));
    unwritten();
  });
  // Node.js itself would print it as it is, with what it carries.
  const unforeseen = (error: unknown) => exit(printError(error), stopping.signal);
  process.on('uncaughtException', unforeseen).on('unhandledRejection', unforeseen);
  // After a stop an error is that of the work that was interrupted, as asked.
  const stopped = () => (stopping.signal.aborted ? stoppedCode : undefined);
  body({ stopping: stopping.signal, hurrying: hurrying.signal }).then(
    (code) => exit(stopped() ?? code, stopping.signal),
    (error: unknown) => exit(stopped() ?? onError(error), stopping.signal),
  );
}

/** Prints what the user can act on plainly, anything else with its stack. @returns 1, the exit code */
export function printError(error: unknown): number {
  console.error(
    error instanceof UserError ||
      error instanceof ConnectionRefused ||
      error instanceof QueueInTheWay ||
      error instanceof DeclarationRefused ||
      error instanceof ConfigError ||
      error instanceof Hopeless ||
      error instanceof TimedOut
      ? redactText(error.message)
      : redactError(error),
  );
  return 1;
}

/** Node.js itself says nothing of it and goes on to exit with 0: nodejs/node#43271. */
function outputIsLost(why: string): void {
  if (process.exitCode === LOST) return; // every later line would say so again
  process.exitCode = LOST;
  console.error(`The output is lost, or not all there: ${why}.`);
}

/** The exit code when the output could not be written, whatever the command has found. */
const LOST = 1;

/** So long a reader has to take what was written, once the command is to stop. */
const LAST_WORDS_MS = 5_000;

/**
 * After what was written has gone out: to a pipe it goes in the background. A pager takes it as people read; but nobody may
 * be reading it at all, and who wants to stop is not kept.
 */
function exit(code: number, stopping: AbortSignal): void {
  const end = () => process.exit(process.exitCode ?? code);
  const soon = () => setImmediate(end); // that a write has failed is told a moment after its end
  // Where nothing waits there is nothing to end: even an empty write fails where the disk is full.
  if (process.stdout.writableLength > 0) process.stdout.write('', soon);
  else soon();
  const giveUp = () => {
    if (process.stdout.writableLength > 0) outputIsLost('nobody has taken the rest of it');
    end();
  };
  const giveUpSoon = () => setTimeout(giveUp, LAST_WORDS_MS).unref(); // what is still to be written keeps the process
  if (stopping.aborted) giveUpSoon();
  else stopping.addEventListener('abort', giveUpSoon, { once: true });
}
