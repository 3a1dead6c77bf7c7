import { pino, type Logger } from 'pino';

export type { Logger };

/**
 * JSON lines on standard output, one an event: `time` in ISO 8601 UTC, `service`, and whatever of
 * `order_id`, `event_id`, `correlation_id` the line is about.
 */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: pino.stdSerializers.errWithCause },
    // Nothing secret is logged on purpose; this is for what slips in with an error.
    redact: { paths: ['*.password', '*.token', 'err.config', '*.connectionString'], censor: '[redacted]' },
  });
}
