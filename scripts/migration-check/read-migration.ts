import { loadModule, parseSync } from 'libpg-query';
import type { Node } from '@pgsql/types';
import { effectsOf, type Effect } from './effects';

export interface Statement {
  /** As it stands in the file, without comments, on one line. */
  sql: string;
  /** What somebody has written about it: `-- online: nothing has read it since 0.3`. */
  vouched?: string;
  effects: Effect[];
}

/**
 * Reads a migration with PostgreSQL's own parser.
 * @throws {Error} where it is no SQL, or where the semicolons at which the migration is cut are not its statements' ends
 */
export async function readMigration(sql: string): Promise<Statement[]> {
  await loadModule();
  if (withoutComments(sql).trim() === '') return []; // the parser refuses a text without anything
  const { stmts = [] } = parseSync(sql) as {
    stmts?: { stmt: Node; stmt_location?: number; stmt_len?: number }[];
  };
  const bytes = Buffer.from(sql);
  let start = 0; // from the end of the statement before, for the comments are between
  const statements = stmts.map(({ stmt, stmt_location = 0, stmt_len }) => {
    const end = stmt_len ? stmt_location + stmt_len : bytes.length;
    const text = bytes.subarray(start, end).toString();
    start = end + 1;
    const vouched = /^[^\S\n]*--[^\S\n]*online:[^\S\n]*(\S.*)$/m.exec(text)?.[1]?.trim();
    return { sql: onOneLine(text), effects: effectsOf(stmt), ...(vouched && { vouched }) };
  });
  const pieces = sql.split(';').filter((piece) => withoutComments(piece).trim() !== '');
  if (pieces.length !== statements.length)
    throw new Error(
      'it has a semicolon that does not end a statement (in a text, a function or a comment), where it would be cut: write \\x3b in an E string',
    );
  return statements;
}

const withoutComments = (sql: string) => sql.replaceAll(/^\s*--.*$/gm, '').replaceAll(/\s--\s.*$/gm, '');
const onOneLine = (sql: string) =>
  withoutComments(sql)
    .replaceAll(/\s+/g, ' ')
    .replace(/[\s;]+$/, '')
    .trim();
