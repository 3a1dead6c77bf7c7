import type { Broker } from '../command-line/broker';
import { oneLine, printable } from '../command-line/table';
import type { DeadLetterQueue } from './choose-queues';
import { readDeadLetter, type DeadLetter, type Message } from './dead-letter';
import { isDeep } from './is-deep';
import { matches, type Filter } from './filter';
import { scanQueue } from './scan-queue';

export interface ShowOptions {
  filter: Filter;
  /** The first that is shown of those that match, from 1. */
  index: number;
  limit: number;
  json: boolean;
  print: (text: string) => void;
  stopping: AbortSignal;
}

const WINDOW = 5_000;
const LONGEST_BINARY = 4_096;

/** Prints messages whole. Takes nothing out. @returns how many were printed */
export async function show(
  broker: Broker,
  queues: readonly DeadLetterQueue[],
  options: ShowOptions,
): Promise<number> {
  const { filter, index, limit, json, print, stopping } = options;
  let matched = 0;
  const enough = () => stopping.aborted || matched >= index - 1 + limit;
  for (const { service, queue } of queues) {
    await scanQueue(broker, queue, {
      windowSize: WINDOW,
      wants: (message) => {
        if (enough()) return false;
        const letter = readDeadLetter(service, message);
        if (matches(filter, letter) && ++matched >= index)
          print(json ? asJson(queue, letter, message) : asText(queue, letter, message, matched));
        return false;
      },
      enough,
    });
  }
  return Math.max(0, matched - index + 1);
}

const asJson = (queue: string, { isAbout: _, ...letter }: DeadLetter, { content, properties }: Message) => {
  const body = readable(content);
  const known = Object.fromEntries(
    Object.entries({ ...properties })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, isDeep(value) ? TOO_DEEP : value]),
  );
  return JSON.stringify({
    queue,
    ...letter,
    properties: known,
    ...('json' in body ? { body: body.json } : 'text' in body ? { body_text: body.text } : body),
  });
};

function asText(queue: string, letter: DeadLetter, { content, properties }: Message, index: number): string {
  const { headers, ...others } = properties;
  const body = readable(content);
  const facts: [string, unknown][] = [
    ['event', letter.eventId ?? '(none)'],
    ['type', letter.type ?? '(none)'],
    ['correlation', letter.correlationId],
    ['reason', letter.reason],
    ['error', letter.error],
    ['attempts', letter.attempts],
    ['first failed', letter.firstFailedAt?.toISOString()],
    ['dead since', letter.since?.toISOString()],
  ];
  const lines = [
    `${index}. ${queue}`,
    ...facts
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `   ${name.padEnd(14)}${oneLine(String(value))}`),
    `   properties    ${compact(others)}`,
    `   headers       ${compact(headers ?? {})}`,
    '   body',
    ...bodyText(body)
      .split('\n')
      .map((line) => `     ${line}`),
    '',
  ];
  return lines.join('\n');
}

const compact = (value: object) =>
  isDeep(value)
    ? TOO_DEEP
    : printable(
        JSON.stringify(Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined))),
      );

const TOO_DEEP = '(nested too deeply to be shown)';

type Body = { json: unknown } | { text: string; why: string } | { body_base64: string };

function readable(content: Buffer): Body {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(content);
    try {
      const json = JSON.parse(text) as unknown;
      return isDeep(json) ? { text, why: 'nested too deeply to be laid out' } : { json };
    } catch {
      return { text, why: 'not JSON' };
    }
  } catch {
    return { body_base64: content.toString('base64') };
  }
}

function bodyText(body: Body): string {
  if ('json' in body) return printable(JSON.stringify(body.json, undefined, 2));
  if ('text' in body) return `(${body.why}) ${printable(body.text)}`;
  return `(not text; in base64) ${body.body_base64.slice(0, LONGEST_BINARY)}`;
}
