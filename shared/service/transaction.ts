import { Prisma } from '../../prisma/generated/client';

/** Statements as tagged templates, with values and rows as Prisma has them. */
export interface Statements {
  $queryRaw<T = unknown>(statement: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<T>;
  /** @returns how many rows it changed */
  $executeRaw(statement: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<number>;
}

/** A transaction, as what works in it sees it. */
export interface Tx extends Statements {
  /**
   * There where statements are sent without waiting for the answer to those before: sends one that nobody waits for. It
   * is done before the commit, and where it fails the transaction fails.
   */
  queue?(statement: Prisma.Sql): Promise<unknown>;
}

/** What transactions are had from: a Prisma client, or a {@link Pipeline}. */
export interface Transactions {
  /** Statements are sent without waiting for those before. */
  readonly isPipeline?: boolean;
  $transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

/**
 * Writes something of which the transaction needs no answer, only that it is done before the commit: where it can be, it
 * travels with what comes after it, which saves a round trip.
 */
export async function write(tx: Tx, statement: Prisma.Sql): Promise<void> {
  if (!tx.queue) await tx.$executeRaw(statement);
  else tx.queue(statement).catch(() => undefined); // the commit fails with it
}

/** Of a tagged template, or what was made with `Prisma.sql`. */
export const sqlOf = (
  statement: TemplateStringsArray | Prisma.Sql,
  values: readonly unknown[],
): Prisma.Sql =>
  statement instanceof Prisma.Sql ? statement : new Prisma.Sql(statement, values as Prisma.Sql[]);

/** What the driver answers. */
export type Answer = Promise<{ rows: unknown[]; rowCount: number | null; command: string }>;

/** Statements, by the driver's way to ask. */
export const statementsBy = (run: (statement: Prisma.Sql) => Answer): Statements => ({
  $queryRaw: async <T>(...[statement, ...values]: Parameters<Statements['$queryRaw']>) =>
    (await run(sqlOf(statement, values))).rows as T,
  $executeRaw: async (statement, ...values) => (await run(sqlOf(statement, values))).rowCount ?? 0,
});
