import type * as PinoPretty from 'pino-pretty';

/** How the log is written: for people, or as the services wrote it, a JSON object a line. */
export type LogFormat = 'pretty' | 'json';

/** `LOG_FORMAT`, where it is set; else for people on a terminal, and for programs elsewhere. */
export function chooseLogFormat(
  given = process.env.LOG_FORMAT,
  isTerminal = process.stdout.isTTY,
): LogFormat {
  if (given === 'json' || given === 'pretty') return given;
  return isTerminal ? 'pretty' : 'json';
}

/** What is longer is cut off on the screen; the whole is in JSON. */
const MOST_CHARACTERS = 2_000;

/** Turns a line of a service's log into lines for people. @param services all names, for one column */
export function prettyLines(services: readonly string[], colour: boolean): (line: string) => string {
  // A development dependency: containers, which log JSON, do without.
  const { prettyFactory } = require('pino-pretty') as typeof PinoPretty;
  const width = Math.max(...services.map((name) => name.length));
  const pretty = prettyFactory({
    colorize: colour,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    ignore: 'pid,hostname,service',
    messageFormat: (log, messageKey) => `${textOf(log.service).padEnd(width)}  ${textOf(log[messageKey])}`,
  });
  return (line) => {
    if (!line.startsWith('{')) return `${printable(line.trimEnd())}\n`;
    const text = pretty(line).trimEnd();
    return `${text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)} …` : text}\n`;
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What a process says that is no log line, such as a crash of Node.js: without what could move the cursor. */
const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  text.replace(/[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g, '\ufffd').slice(0, MOST_CHARACTERS);
