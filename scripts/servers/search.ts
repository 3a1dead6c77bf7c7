/**
 * What a server is wanted for: `start` keeps its data between runs, `test` throws it away, `chaos` breaks
 * the server and wants its data to survive that.
 */
export type Purpose = 'start' | 'test' | 'chaos';

/** What every way of getting a server is told. */
export interface Search {
  purpose: Purpose;
  /** One short human line. */
  log: (line: string) => void;
  /** Aborted by the first Ctrl-C: nothing new is started after that. */
  signal: AbortSignal;
  /** Remove own data of earlier runs first. */
  fresh: boolean;
}

/** A server that answers. */
export interface Server {
  url: string;
  /** Of a broker: its management API and UI, with the credentials in it. */
  managementUrl?: string;
  /**
   * Of a broker whose data could not be opened and was made anew: what its queues held is to be sent again, now or by
   * a later run, until this is called.
   */
  allSentAgain?: () => void;
  /** Where it came from, for people. */
  how: string;
  /** Stops it if we started it; bounded, and cut short when `hurry` is aborted. */
  stop(hurry?: AbortSignal): Promise<void>;
}

/** Why a way of getting a server does not work here; the next one is tried. */
export class NotAvailable extends Error {}

/** A failure that the user can act on: printed as it is, without a stack. */
export class UserError extends Error {
  readonly expected = true;
}
