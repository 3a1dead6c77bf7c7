import { setFlagsFromString } from 'node:v8';
import { ConfigError } from './config';
import { EXIT, PortTakenError } from './exit-codes';
import { nameService } from './identity';
import { createLogger, type Logger } from './logger';
import { watchLoop } from './watch-loop';
import { within } from './within';
import { forgetBlanks } from './without-blanks';
import type { EndTracing } from '../tracing/begin-tracing';

/** What a started service gives back: how to stop it. */
export type Stop = () => Promise<void>;

const STOP_TIMEOUT_MS = 9_500;
/** For what is left of traces, after everything else: a receiver that hangs holds nothing up. */
const LAST_TRACES_MS = 1_000;

// V8 would rather use memory than collect garbage, until a good part of the machine's is taken. Here a collection comes
// when what is in use has doubled: less than 150 MB a service, for a tenth of a saturated one's CPU.
const HEAP = '--heap-growing-percent=100';

/**
 * Runs a service's `start` as the process: reports bad configuration whole (exit code 78), drains on SIGTERM, SIGINT,
 * SIGHUP or when the process that started it is gone, and exits 0 within ten seconds.
 */
export function runService(name: string, start: (log: Logger) => Promise<Stop>): void {
  setFlagsFromString(HEAP);
  forgetBlanks();
  nameService(name);
  watchLoop(name);
  const log = createLogger(
    name,
    process.env.LOG_LEVEL && isLevel(process.env.LOG_LEVEL) ? process.env.LOG_LEVEL : 'info',
  );
  let stopping = false;

  // Whatever reaches these was foreseen nowhere: state is unknown, so end, and let the supervisor start anew.
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception');
    process.exit(1);
  });
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'unhandled rejection');
    process.exit(1);
  });

  let end = (code: number): void => process.exit(code);
  let endTracing: EndTracing | undefined;
  const started = (async () => {
    endTracing = await beginTracingIfWanted(name, log);
    return start(log);
  })();
  const stop = (why: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ why }, 'stopping');
    const stopBy = performance.now() + STOP_TIMEOUT_MS;
    within(
      STOP_TIMEOUT_MS,
      started.then(async (stopService) => {
        await stopService();
        await endTracing?.(Math.min(LAST_TRACES_MS, stopBy - performance.now() - 200));
      }),
    ).then(
      () => {
        log.info('stopped');
        end(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'did not stop cleanly');
        end(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal));
  /** Standard output has gone, and the logger would retry its last lines for ever at exit. */
  const stopUnheard = (why: string) => {
    log.level = 'silent';
    end = () => process.kill(process.pid, 'SIGKILL');
    stop(why);
  };
  process.on('SIGHUP', () => (process.stdout.isTTY ? stopUnheard('its terminal is gone') : stop('SIGHUP')));
  // Set when a supervisor started this process: it must not outlive it.
  if (process.send) process.on('disconnect', () => stopUnheard('the supervisor is gone'));

  started.then(
    () => log.info('started'),
    (error: unknown) => {
      if (error instanceof ConfigError || error instanceof PortTakenError) log.fatal(error.message);
      else log.fatal({ err: error }, 'could not start');
      process.exit(exitCodeOf(error));
    },
  );
}

/** Where nobody asks for traces, nothing of them is loaded. */
async function beginTracingIfWanted(name: string, log: Logger): Promise<EndTracing | undefined> {
  const { env } = process;
  if (!env.OTEL_EXPORTER_OTLP_ENDPOINT && !env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return undefined;
  const { beginTracing } = await import('../tracing/begin-tracing.js');
  return beginTracing(name, log);
}

const exitCodeOf = (error: unknown): number =>
  error instanceof ConfigError ? EXIT.configuration : error instanceof PortTakenError ? EXIT.portTaken : 1;

const isLevel = (text: string) =>
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].includes(text);
