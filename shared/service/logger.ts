import { pino, type Logger, type LoggerOptions } from 'pino';

export type { Logger };

/**
 * JSON lines on standard output, one an event: `time` in ISO 8601 UTC, `service`, and whatever of
 * `order_id`, `event_id`, `correlation_id` the line is about.
 */
export function createLogger(service: string, level: string): Logger {
  // Lines are written together, a few times a second or by the page, and the last ones at exit: a system call a
  // line is a tenth of what a busy consumer does.
  const destination = pino.destination({ sync: false, minLength: PAGE_BYTES });
  setInterval(() => destination.flush(), FLUSH_MS).unref();
  return pino(options(service, level), destination);
}

const PAGE_BYTES = 4_096;
const FLUSH_MS = 50;

const options = (service: string, level: string): LoggerOptions => ({
  level,
  base: { service },
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  serializers: { err: pino.stdSerializers.errWithCause },
  // Nothing secret is logged on purpose; this is for what slips in with an error.
  redact: { paths: ['*.password', '*.token', 'err.config', '*.connectionString'], censor: '[redacted]' },
});
