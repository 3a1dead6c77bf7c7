import { newId } from '../../shared/ids';
import type { Publishing } from './publishing';

/** Marks a message as poison, through all copies of it. */
export const POISON_HEADER = 'x-chaos-poison';

const HUGE_BYTES = 2 * 1024 * 1024;

interface Brew {
  name: string;
  reason: string;
  body: () => Buffer;
  /** More headers, which amqplib reads and cannot write: they get in by the management API, and out of it in no copy. */
  unencodable?: Record<string, unknown>;
}

/** What no consumer can handle, each in its own way; with the reason that its dead letter has to give. */
const brews: Brew[] = [
  { name: 'not-json', reason: 'invalid_json', body: () => Buffer.from('{"id": "torn off') },
  { name: 'not-utf8', reason: 'invalid_json', body: () => Buffer.from([0xff, 0xfe, 0x00, 0x9f]) },
  { name: 'empty', reason: 'invalid_json', body: () => Buffer.alloc(0) },
  { name: 'no-event', reason: 'invalid_envelope', body: () => json({ hello: 'world' }) },
  {
    name: 'unknown-version',
    reason: 'unknown_type',
    body: () => json({ ...envelope('order.placed.v99'), data: {} }),
  },
  {
    // Of a type that this consumer may or may not take: wrong in either case.
    name: 'bad-data',
    reason: 'invalid_data|unknown_type',
    body: () => json({ ...envelope('order.placed.v1'), data: { order_id: 'x', items: 'none' } }),
  },
  {
    name: 'huge',
    reason: 'too_large',
    body: () => json({ ...envelope('order.placed.v1'), data: { padding: 'x'.repeat(HUGE_BYTES) } }),
  },
  {
    name: 'long-headers',
    reason: 'invalid_json',
    body: () => Buffer.from('not JSON, and 70 kB of headers'),
    unencodable: Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`h${n}`, 'x'.repeat(1_000)])),
  },
  {
    // amqplib takes a table with this key for one of its own marks.
    name: 'odd-header',
    reason: 'invalid_json',
    body: () => Buffer.from('not JSON, and a header of no type'),
    unencodable: { meta: { '!': 'urgent' } },
  },
];

export interface Poison {
  id: string;
  queue: string;
  name: string;
  /** Reasons that its dead letter may give. */
  reasons: string[];
  message: Publishing;
  /** Only the management API can send it. */
  unencodable: boolean;
  /** When it was begun to be sent. */
  sentAt: number;
}

/** Ids of poison; those of events are UUIDs. Where a copy goes without its foreign headers, this alone is left. */
export const isPoison = ({ messageId, headers }: { messageId?: unknown; headers?: object }): boolean =>
  (typeof messageId === 'string' && messageId.startsWith('poison-')) || POISON_HEADER in (headers ?? {});

/** One of each kind, for a queue. */
export function brewPoison(queue: string): Poison[] {
  return brews.map(({ name, reason, body, unencodable }) => {
    const id = `poison-${newId()}`;
    const headers = { [POISON_HEADER]: name, ...unencodable };
    const properties = { messageId: id, headers, contentType: 'application/json' };
    return {
      id,
      queue,
      name,
      reasons: reason.split('|'),
      message: { exchange: '', key: queue, body: body(), properties },
      unencodable: unencodable !== undefined,
      sentAt: Date.now(),
    };
  });
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

const envelope = (type: string) => ({
  specversion: '1.0',
  id: newId(),
  source: '/chaos',
  type,
  subject: 'poison',
  time: new Date().toISOString(),
});
