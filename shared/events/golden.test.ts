import { eventIn, goldenMessages, growingMembers, readMessage, withData } from '../testing/golden';
import { makeEvents } from '../outbox/write-outbox';
import { eventTypes } from './contracts';
import type { Event } from './envelope';

// What was published once, and what a later version may publish. What each consumer makes of them:
// tests/golden-messages.test.ts.

/** What would be in the outbox if somebody said the same now. */
const written = ({ type, subject, data }: Event): unknown => {
  const [event] = makeEvents('test', [{ type, subject, data, origin: { correlationid: 'c' } }]);
  return JSON.parse(JSON.stringify(event?.data));
};

test('every event type has a golden message', () => {
  const golden = new Set(goldenMessages.map(({ type }) => type));
  expect(eventTypes.filter((type) => !golden.has(type))).toEqual([]);
});

test.each(goldenMessages)('$name is read, and would be written again as it is', ({ type, body }) => {
  const message = JSON.parse(body.toString()) as { type: string; data: object };
  expect(message.type).toBe(type);
  expect(written(eventIn(body))).toEqual(message.data);
});

test.each(goldenMessages)('$name may gain members, in its envelope, its data and its lists', (golden) => {
  const more = { added_later: { of: ['any', 1, null] } };
  const event = JSON.parse(golden.body.toString()) as { data: Record<string, unknown> };
  for (const [name, value] of Object.entries(event.data))
    if (Array.isArray(value)) event.data[name] = value.map((one: object) => ({ ...one, ...more }));
  const grown = { ...event, addedlater: true, data: { ...event.data, ...more } };
  expect(eventIn(Buffer.from(JSON.stringify(grown)))).toEqual({
    ...eventIn(golden.body),
    addedlater: undefined,
  });
});

const growing = goldenMessages.flatMap((golden) =>
  growingMembers(golden).map((member) => ({ name: golden.name, member, golden })),
);

test('these members may gain values, and no others', () => {
  const members = growing.map(({ golden: { type }, member }) => `${type} ${member}`);
  expect([...new Set(members)].sort()).toEqual([
    'inventory.adjustment.rejected.v1 rejection',
    'order.cancellation.required.v1 reason',
    'order.cancelled.v1 actor',
    'order.cancelled.v1 payment_method',
    'order.cancelled.v1 reason',
    'order.placed.v1 payment_method',
    'order.status.delivered.v1 actor',
    'order.status.delivered.v1 payment_method',
    'order.status.out_for_delivery.v1 actor',
    'order.status.out_for_delivery.v1 payment_method',
    'order.status.preparing.v1 actor',
    'order.status.preparing.v1 payment_method',
  ]);
});

test.each(growing)('$name: a new $member is read, and handed on as it is', ({ member, golden }) => {
  const event = eventIn(withData(golden, { [member]: 'ADDED_LATER' }));
  expect(String((event.data as Record<string, unknown>)[member])).toBe('ADDED_LATER');
  expect(written(event)).toHaveProperty(member, 'ADDED_LATER');
});

test.each(growing)('$name: what is no value is no $member', ({ member, golden }) => {
  for (const wrong of [7, true, null, ['CASH'], { CASH: 1 }, '', 'X'.repeat(65)])
    expect(readMessage(withData(golden, { [member]: wrong }))).toMatchObject({
      ok: false,
      reason: 'invalid_data',
      error: expect.stringContaining(`/data/${member}: `),
    });
});

test('a payment method may be missing only where older producers say none', () => {
  const without = goldenMessages.map(({ name, body }) => {
    const { data, ...event } = JSON.parse(body.toString()) as { data: { payment_method?: string } };
    const { payment_method, ...rest } = data;
    const parsed = readMessage(Buffer.from(JSON.stringify({ ...event, data: rest })));
    return payment_method && !parsed.ok ? `${name}: ${parsed.error}` : '';
  });
  const error = '/data/payment_method: is no text of 1 to 64 characters';
  expect(without.filter(Boolean)).toEqual([
    `order.placed.v1.cash: ${error}`,
    `order.placed.v1: ${error}`,
    `order.placed.v1.versioned: ${error}`,
  ]);
});

test('a status is what its type means, and stays what it is', () => {
  const [preparing] = goldenMessages.filter(({ type }) => type === 'order.status.preparing.v1');
  expect(readMessage(withData(preparing!, { status: 'PACKING' }))).toMatchObject({ reason: 'invalid_data' });
});
