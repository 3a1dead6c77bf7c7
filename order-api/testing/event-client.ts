import { get, type IncomingMessage } from 'node:http';
import { until } from '../../shared/testing/until';

export interface ReceivedEvent {
  event: string;
  id: string;
  // eslint-disable-next-line typescript/no-explicit-any -- read freely by tests
  data: any;
}

/** A client of Server-Sent Events on a connection of its own. */
export interface EventClient {
  response: IncomingMessage;
  events: ReceivedEvent[];
  comments: string[];
  /** As the server said last; milliseconds. */
  retry(): number | undefined;
  hasEnded(): boolean;
  /** The events once there are so many. */
  atLeast(count: number): Promise<ReceivedEvent[]>;
  ended(): Promise<ReceivedEvent[]>;
  /** Hangs up. */
  leave(): void;
}

/** @throws when it is answered with anything else than a stream */
export async function follow(
  url: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<EventClient> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${url}/api/v1${path}`, { agent: false, headers }, resolve).on('error', reject);
  });
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode}`);
  const [events, comments]: [ReceivedEvent[], string[]] = [[], []];
  let retry: number | undefined;
  let ended = false;
  let rest = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    const frames = (rest + chunk).split('\n\n');
    rest = frames.pop() ?? '';
    for (const frame of frames) take(frame);
  });
  response.on('close', () => (ended = true));
  response.on('error', () => undefined);

  function take(frame: string): void {
    const fields: Record<string, string> = {};
    for (const line of frame.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (name === '') comments.push(value);
      else if (name === 'retry') retry = Number(value);
      else fields[name] = value;
    }
    if (fields.data)
      events.push({ event: fields.event ?? 'message', id: fields.id ?? '', data: JSON.parse(fields.data) });
  }

  return {
    response,
    events,
    comments,
    retry: () => retry,
    hasEnded: () => ended,
    atLeast: async (count) => {
      await until(`${count} events`, () => events.length >= count, 10_000);
      return events;
    },
    ended: async () => {
      await until('the stream to end', () => ended, 10_000);
      return events;
    },
    leave: () => response.destroy(),
  };
}
