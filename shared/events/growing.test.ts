import { makeEvents } from '../outbox/write-outbox';
import { orderCancelled } from '../testing/events';
import { announce, type Announcement } from './announce';
import { growing, known, UnknownValueError } from './growing';

const colour = growing(['RED', 'GREEN']);
const origin = { correlationid: 'c' };
const { data } = orderCancelled('00000000-0000-7000-8000-000000000001');

/** What of an announcement would go into the outbox. */
const written = (announcement: Announcement) => makeEvents('test', [announcement])[0]?.data;

test('whoever decides by a value gets one that it knows, or none', () => {
  expect(known({ colour: colour.parse('RED') }, 'colour')).toBe('RED');
  const newer = { colour: colour.parse('BLUE') };
  expect(() => known(newer, 'colour')).toThrow(UnknownValueError);
  expect(() => known(newer, 'colour')).toThrow('colour is "BLUE", which this version does not know');
  expect(known<{ colour?: typeof newer.colour }, 'colour'>({}, 'colour')).toBeUndefined();
});

test('nobody compares it without having asked: the compiler sees to that', () => {
  const read = colour.parse('BLUE');
  // @ts-expect-error it may be neither
  expect(read === 'RED').toBe(false);
  // @ts-expect-error nor can it be looked up
  expect({ RED: 1, GREEN: 2 }[read]).toBeUndefined();
  expect(`${String(read)}, ${JSON.stringify({ read })}`).toBe('BLUE, {"read":"BLUE"}');
});

test('a value that its writer does not know is not written', () => {
  // @ts-expect-error the compiler knows the values
  const misspelt = announce(origin, 'order.cancelled.v1', data.order_id, { ...data, reason: 'CUSTOMR' });
  expect(() => written(misspelt)).toThrow(
    'is none of CUSTOMER, STAFF, OUT_OF_STOCK, PAYMENT_FAILED, TIMEOUT',
  );
  const reason: string = 'CUSTOMR';
  // @ts-expect-error and takes no text for one
  expect(() => written(announce(origin, 'order.cancelled.v1', data.order_id, { ...data, reason }))).toThrow(
    'is none of CUSTOMER',
  );
  const good = announce(origin, 'order.cancelled.v1', data.order_id, { ...data, reason: 'STAFF' });
  expect(written(good)).toHaveProperty('reason', 'STAFF');
});
