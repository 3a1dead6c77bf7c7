import { readDeadLetter, type Message } from './dead-letter';

const letter = (headers: object, content = '{}', properties: object = {}) =>
  readDeadLetter('s', {
    content: Buffer.from(content),
    properties: { headers, ...properties },
  } as unknown as Message);

describe('what is known of a dead letter', () => {
  const ours = {
    'x-reason': 'handler_failed',
    'x-attempts': 6,
    'x-error': 'oh',
    'x-last-failed-at': '2026-11-21T00:00:00.000Z',
  };
  const death = (reason: string) => ({
    'x-death': [{ reason, queue: 's', time: { '!': 'timestamp', value: 1_800_000_000 } }],
  });

  it('comes from the headers of the consumer', () => {
    expect(letter(ours, '{}', { messageId: 'm', type: 't' })).toMatchObject({
      eventId: 'm',
      type: 't',
      reason: 'handler_failed',
      attempts: 6,
      error: 'oh',
      since: new Date('2026-11-21T00:00:00Z'),
    });
  });

  it('is the broker’s word where the broker brought it here, even after attempts of the consumer', () => {
    const since = new Date(1_800_000_000_000);
    expect(letter(death('delivery_limit'))).toMatchObject({ reason: 'delivery_limit', since });
    expect(letter({ ...ours, ...death('delivery_limit') })).toMatchObject({
      reason: 'delivery_limit',
      since,
    });
  });

  it('is the consumer’s where the broker only ended a delay', () => {
    expect(letter({ ...ours, ...death('expired') })).toMatchObject({
      reason: 'handler_failed',
      since: new Date('2026-11-21T00:00:00Z'),
    });
  });

  it.each(['', 'no json', 'null', '[1]', '"text"', '{"id": 1, "type": null, "data": null}', '{"data": "x"}'])(
    'is next to nothing of %j, without an error',
    (content) => {
      const one = letter({ 'x-death': 'nonsense' }, content);
      expect(one).toMatchObject({ reason: 'unknown', eventId: undefined, type: undefined });
      expect(one.isAbout('x')).toBe(false);
    },
  );

  it('tells the order that it is about, not one that it merely mentions', () => {
    expect(letter({}, '{"subject": "o-1"}').isAbout('o-1')).toBe(true);
    expect(letter({}, '{"subject": "item", "data": {"order_id": "o-1"}}').isAbout('o-1')).toBe(true);
    expect(letter({}, '{"subject": "o-2", "data": {"note": "o-1"}}').isAbout('o-1')).toBe(false);
  });
});
