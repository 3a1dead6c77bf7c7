import type { Random } from '../testbed/random';
import { toJson, type BadMessage } from './bad-message';
import { RawField, uint64, type Field } from './field-table';
import { anyEvent } from './good-events';

type Attributes = Record<string, Field>;

const missing: readonly ((random: Random, event: Attributes) => Attributes)[] = [
  (random, event) => ({ ...event, [random.pick(['specversion', 'id', 'source', 'type'])]: null }),
  (random, event) => ({ ...event, specversion: random.pick<Field>(['0.3', 1, true, '']) }),
  (random, event) => ({
    ...event,
    [random.pick(['id', 'source', 'type'])]: random.pick<Field>([{}, [], ['a'], '', { '!': 'timestamp' }]),
  }),
  (random, event) => ({
    ...event,
    time: random.pick<Field>([
      'now',
      7,
      {},
      ...[2n ** 64n - 1n, 2n ** 63n, 8_640_000_000_001n, 253_402_300_800n].map(timestamp),
    ]),
  }),
  (random, event) => ({ ...event, subject: random.pick<Field>([{}, [], '']) }),
];

/** Events in binary content mode: their attributes are headers, their data is the body. */
export const badBinary: Record<string, (random: Random) => BadMessage> = {
  'binary mode': (random) => {
    const { data, ...event } = anyEvent(random);
    const attributes: Attributes = {
      specversion: '1.0',
      id: event.id as string,
      source: event.source as string,
      type: event.type,
    };
    const whole = toJson(data);
    const contentType = random.pick([
      'application/json',
      'application/json; charset=utf-8',
      'text/json',
      'application/vnd.shop+json',
    ]);
    const make = (reason: string, changed: Attributes, body = whole, type = contentType): BadMessage => ({
      kind: 'binary mode',
      body,
      properties: { contentType: type, headers: asHeaders(random, changed) },
      reason,
    });
    switch (random.int(1, 5)) {
      case 1:
        return make(
          'unsupported_content',
          attributes,
          whole,
          random.pick(['text/plain', 'application/xml', 'image/png', 'x', '\0']),
        );
      case 2:
        return make(
          'invalid_json',
          attributes,
          random.pick([whole.subarray(1), Buffer.alloc(0), Buffer.from([0xff])]),
        );
      case 3:
        return make('invalid_json', {
          ...attributes,
          [random.pick(['id', 'source', 'type', 'anything'])]: 'a\0b',
        });
      case 4:
        return make('unknown_type', {
          ...attributes,
          type: random.pick(['__proto__', 'constructor', `${event.type} `, 'true']),
        });
      default:
        return make('invalid_envelope', random.pick(missing)(random, attributes));
    }
  },
};

const timestamp = (seconds: bigint): Field => new RawField('T', uint64(seconds));

/** Under both prefixes that the binding allows, and in any case. */
const asHeaders = (random: Random, attributes: Attributes): [string, Field][] =>
  Object.entries({ ...attributes, ['__proto__']: 'x', constructor: 'x' }).map(([name, value]) => [
    random.pick(['cloudEvents:', 'cloudEvents_', 'CLOUDEVENTS:']) + random.pick([name, name.toUpperCase()]),
    value,
  ]);
