import { pino, type Logger, type LoggerOptions } from 'pino';
import { redactError, redactLine, redactText } from './redact';

export type { Logger };

/**
 * JSON lines on standard output, one an event: `time` in ISO 8601 UTC, `service`, and whatever of
 * `order_id`, `event_id`, `correlation_id` the line is about.
 */
export function createLogger(service: string, level: string): Logger {
  // Lines are written together, a few times a second or by the page, and the last ones at exit: a system call a
  // line is a tenth of what a busy consumer does.
  const destination = pino.destination({ sync: false, minLength: PAGE_BYTES, maxLength: MOST_WAITING_BYTES });
  let waiting = 0;
  let flushing: NodeJS.Timeout | undefined;
  // Not on an interval: a process that logs nothing is not to be woken, nor to write nothing.
  const flushSoon = () => {
    flushing ??= setTimeout(() => {
      flushing = undefined;
      if (waiting > 0) destination.flush();
    }, FLUSH_MS).unref();
  };
  // Whatever of a line it stands in, a secret of this process goes no further.
  const toWrite = (line: string) => {
    const clean = redactLine(line);
    waiting += Buffer.byteLength(clean);
    flushSoon();
    return clean;
  };
  // A terminal that was closed takes nothing any more: without it the process has to drain all the same. What is still
  // to be written would be tried again and again, at exit without an end.
  destination.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EIO') throw error;
    for (const way of ['write', 'flushSync', 'end', 'destroy'] as const) destination[way] = () => true;
    destination.flush = (flushed) => flushed?.(error);
  });
  const log = pino({ ...options(service, level), hooks: { streamWrite: toWrite } }, destination);
  // Where nobody reads the output, lines wait in memory, up to a bound; beyond it they are dropped, and counted.
  let dropped = 0;
  destination.on('drop', (line: string) => {
    waiting -= Buffer.byteLength(line);
    dropped += 1;
  });
  destination.on('write', (bytes: number) => (waiting -= bytes));
  destination.on('drain', () => {
    if (waiting > 0) flushSoon(); // what came while it wrote
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    log.warn({ lines }, 'log lines were dropped, because nobody read the output');
  });
  return log;
}

const MOST_WAITING_BYTES = 4 * 1024 * 1024;

const PAGE_BYTES = 4_096;
const FLUSH_MS = 50;

const options = (service: string, level: string): LoggerOptions => ({
  level,
  base: { service },
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }), log: withoutSecrets },
  serializers: { err: redactError },
});

const SECRETS = new Set(['password', 'token', 'connectionString', 'config']);

/**
 * Nothing secret is logged on purpose; this is for what slips in with an object. (Not pino's `redact`, which looks for
 * its paths in every line: nearly all of ours are flat, and pass here at a glance.)
 */
function withoutSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  let clean = fields;
  for (const name in fields) {
    const value = fields[name];
    if (name === 'error' && typeof value === 'string') clean = { ...clean, error: redactText(value) };
    else if (isPlain(value)) clean = { ...clean, [name]: censored(value) };
  }
  return clean;
}

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

const censored = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? withoutSecret(value) : value;

const withoutSecret = (value: object): object =>
  Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      SECRETS.has(name) ? '[redacted]' : (inner as unknown),
    ]),
  );
