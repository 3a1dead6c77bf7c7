import { newId } from '../../shared/ids';
import type { Publishing } from './publishing';

/** Marks a message as poison, through all copies of it. */
export const POISON_HEADER = 'x-chaos-poison';

const HUGE_BYTES = 2 * 1024 * 1024;

/** What no consumer can handle, each in its own way; with the reason that its dead letter has to give. */
const brews: { name: string; reason: string; body: () => Buffer }[] = [
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
];

export interface Poison {
  id: string;
  queue: string;
  name: string;
  /** Reasons that its dead letter may give. */
  reasons: string[];
  message: Publishing;
}

/** One of each kind, for a queue. */
export function brewPoison(queue: string): Poison[] {
  return brews.map(({ name, reason, body }) => {
    const id = `poison-${newId()}`;
    const properties = { messageId: id, headers: { [POISON_HEADER]: name }, contentType: 'application/json' };
    return {
      id,
      queue,
      name,
      reasons: reason.split('|'),
      message: { exchange: '', key: queue, body: body(), properties },
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
