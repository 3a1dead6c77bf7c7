export type ServerName = 'postgres' | 'rabbitmq';

/** A server of the run's own, which may be taken down and comes up again with its ports and its data. */
export interface BreakableServer {
  readonly url: string;
  /** Of a broker, with the credentials in it. */
  readonly managementUrl: string;
  /** Where it came from, for people. */
  readonly how: string;
  /** Down in good order. PostgreSQL ends its sessions rather than wait for them. */
  shutDown(): Promise<void>;
  /** Down without a chance to put anything in order: kill -9. */
  crash(): Promise<void>;
  /** Up again; resolves when it answers. */
  startAgain(): Promise<void>;
  /**
   * Runs the broker's own command-line tool, rabbitmqctl, with all rights.
   * @returns what it printed
   * @throws where it fails, also because the broker is away; and for PostgreSQL
   */
  control(...args: string[]): Promise<string>;
  /** The end of it. */
  end(): Promise<void>;
}
