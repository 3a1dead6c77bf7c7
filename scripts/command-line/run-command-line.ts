import { UserError } from '../servers/search';
import { onStopSignals } from '../supervisor/stop-signals';

/** A command line that does not say what to do: its message is printed, with where the help is. */
export class UsageError extends UserError {}

/**
 * Runs a command that takes arguments. Exit codes: what the body returns (0 done, 1 failed), 1 for an
 * error, 2 for a {@link UsageError}. The first Ctrl-C asks the body to stop in good order, which then
 * counts as 130; a second one ends the process.
 */
export function runCommandLine(command: string, body: (stopping: AbortSignal) => Promise<number>): void {
  const stopping = new AbortController();
  onStopSignals({ stop: () => stopping.abort(), hurry: () => process.exit(130) });
  // A reader that goes away (… | head) must not end a command before it has put everything back.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stopping.abort());
  body(stopping.signal).then(
    (code) => exit(stopping.signal.aborted ? 130 : code),
    (error: unknown) => {
      if (error instanceof UsageError)
        console.error(`${error.message}\n\nnpm run ${command} -- --help says how it is used.`);
      else console.error(error instanceof UserError ? error.message : error);
      exit(error instanceof UsageError ? 2 : 1);
    },
  );
}

/** After what was written has gone out: to a pipe it goes in the background. */
function exit(code: number): void {
  process.stdout.write('', () => process.exit(code));
}
