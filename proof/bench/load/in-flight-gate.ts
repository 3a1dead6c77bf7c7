import type { Client } from 'pg';
import { PostgresClient } from '../../../shared/service/postgres-client';
import { sessionConfig } from '../../../shared/service/session-settings';

const POLL_MS = 50;

/**
 * Lets so many orders at most be between their request and PREPARING. How many are PLACED is asked of the
 * database, in one small query for all of them: an index knows those alone.
 */
export class InFlightGate {
  private started = 0;
  private accepted = 0;
  /** A lower bound of the orders of this run that are PREPARING. */
  private completed = 0;
  private waiting: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  private constructor(
    private readonly database: Client,
    private readonly limit: number,
  ) {}

  static async open(databaseUrl: string, limit: number): Promise<InFlightGate> {
    const database = new PostgresClient(
      sessionConfig(databaseUrl, { kind: 'command', applicationName: 'bench load' }),
    );
    database.on('error', () => undefined); // the query in progress rejects with it
    await database.connect();
    const gate = new InFlightGate(database, limit);
    await gate.poll();
    return gate;
  }

  /** Resolves when one more may be sent. */
  async enter(): Promise<void> {
    while (!this.closed && this.started - this.completed >= this.limit)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.started += 1;
  }

  /** Told of each answer. */
  answered(accepted: boolean): void {
    if (accepted) this.accepted += 1;
    else this.started -= 1;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    this.wake();
    await this.database.end();
  }

  private async poll(): Promise<void> {
    // What was answered before the query began is committed, and so within its sight.
    const before = this.accepted;
    const { rows } = await this.database.query<{ placed: number }>({
      name: 'placed',
      text: `SELECT count(*)::int AS placed FROM orders WHERE status = 'PLACED'`,
    });
    this.completed = Math.max(this.completed, before - (rows[0]?.placed ?? 0));
    this.wake();
    if (!this.closed) this.timer = setTimeout(() => void this.poll().catch(() => undefined), POLL_MS);
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
