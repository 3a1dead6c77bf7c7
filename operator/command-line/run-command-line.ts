import { printError, runMain } from '../../scripts/run-main';
import { UsageError } from './usage-error';

export interface CommandLineOptions {
  /** Prints an error that is not a {@link UsageError} and returns the exit code. */
  onError?: (error: unknown) => number;
}

/**
 * Runs a command that takes arguments. Exit codes: what the body returns (0 done, 1 failed), 1 for an
 * error, 2 for a {@link UsageError}. The first Ctrl-C asks the body to stop in good order, which then
 * counts as 130; a second one ends the process.
 */
export function runCommandLine(
  command: string,
  body: (stopping: AbortSignal) => Promise<number>,
  { onError = printError }: CommandLineOptions = {},
): void {
  runMain(
    ({ stopping, hurrying }) => {
      hurrying.addEventListener('abort', () => process.exit(130));
      return body(stopping);
    },
    {
      stopsUnread: true, // in good order: what it holds has to go back first
      onError: (error) => {
        if (!(error instanceof UsageError)) return onError(error);
        console.error(`${error.message}\n\nnpm run ${command} -- --help says how it is used.`);
        return 2;
      },
    },
  );
}
