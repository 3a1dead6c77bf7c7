// SQLSTATE 08 is the connection, 57P the server's own end: https://www.postgresql.org/docs/current/errcodes-appendix.html
/** PostgreSQL refused a statement, over a connection that still stands. */
export function isAnswer(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P|EPIPE)/.test(code);
}
