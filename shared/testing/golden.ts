import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isEventType, type EventType } from '../events/contracts';
import { parseMessage, type Event, type ParsedMessage } from '../events/envelope';

const folder = resolve(__dirname, '../events/golden');

/** A message as it was once published. */
export interface Golden {
  /** Its file, without `.json`. */
  name: string;
  type: EventType;
  body: Buffer;
}

/** The golden messages; see `shared/events/golden/README.md`. */
export const goldenMessages: readonly Golden[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => {
    const type = /^.+?\.v\d+/.exec(file)?.[0] ?? '';
    if (!isEventType(type)) throw new Error(`${file} is not named for an event type`);
    return { name: file.slice(0, -'.json'.length), type, body: readFileSync(join(folder, file)) };
  });

/** Reads a message as a consumer does that subscribes to its type. */
export const readMessage = (body: Buffer): ParsedMessage =>
  parseMessage(body, isEventType, { contentType: 'application/cloudevents+json' });

/** @throws where it is none */
export function eventIn(body: Buffer): Event {
  const parsed = readMessage(body);
  if (!parsed.ok) throw new Error(`${parsed.reason}: ${parsed.error}`);
  return parsed.event;
}

/** The message with other data. */
export function withData({ body }: Golden, more: Record<string, unknown>): Buffer {
  const event = JSON.parse(body.toString()) as { data: object };
  return Buffer.from(JSON.stringify({ ...event, data: { ...event.data, ...more } }));
}

/** Members of the message to which a later version may have added values. */
export const growingMembers = ({ body }: Golden): string[] =>
  Object.entries((JSON.parse(body.toString()) as { data: object }).data)
    .filter(([member, value]) => typeof value === 'string' && isGrowing(body, member))
    .map(([member]) => member);

/** What a version does not know is no mere string to it. */
function isGrowing(body: Buffer, member: string): boolean {
  const parsed = readMessage(withData({ body } as Golden, { [member]: 'ADDED_LATER' }));
  return parsed.ok && typeof (parsed.event.data as Record<string, unknown>)[member] === 'object';
}
