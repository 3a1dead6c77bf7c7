import { UserError } from './servers/search';

/** Runs a command's body: what the user can act on is printed plainly, anything else with its stack. */
export function runMain(main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    console.error(error instanceof UserError ? error.message : error);
    process.exitCode = 1;
  });
}
