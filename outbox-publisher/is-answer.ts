// https://www.postgresql.org/docs/current/errcodes-appendix.html: 08 is the connection, 57P the server's own end; 0A000 is
// a statement that this session has planned before a migration, and 26000 one that it has not: a new session heals both.
const SESSIONS = /^(08|57P|EPIPE|0A000|26000)/;

/** PostgreSQL refused a statement, over a connection that is good for more. */
export function isAnswer(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !SESSIONS.test(code);
}
