import { UserError } from '../../scripts/servers/search';

/** A command line that does not say what to do: its message is printed, with where the help is. */
export class UsageError extends UserError {}
