import { MAX_EVENT_BYTES } from '../../shared/events/envelope';
import type { EventType } from '../../shared/events/contracts';
import { parseMessage } from '../../shared/events/envelope';
import { brewPoison, isPoison, POISON_HEADER } from './poison';

const taking =
  (...types: EventType[]) =>
  (type: EventType) =>
    types.includes(type);

describe('poison', () => {
  it.each([
    ['a consumer of the type', taking('order.placed.v1')],
    ['a consumer of others', taking('inventory.adjusted.v1')],
  ])('is refused by %s, each kind for its own reason', (_who, accepts) => {
    for (const { name, reasons, message } of brewPoison('some-service')) {
      const parsed = parseMessage(message.body, accepts);
      expect({ name, reason: reasonOf(message.body, parsed) }).toEqual({
        name,
        reason: expect.stringMatching(`^(${reasons.join('|')})$`) as string,
      });
    }
  });

  it('is marked, and goes to one queue', () => {
    const all = brewPoison('some-service');
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const { name, message } of all)
      expect(message).toMatchObject({
        exchange: '',
        key: 'some-service',
        properties: { headers: { [POISON_HEADER]: name } },
      });
  });

  it('is known again without its headers, as it is a dead letter where they cannot be written', () => {
    for (const { id } of brewPoison('some-service'))
      expect(isPoison({ messageId: id, headers: {} })).toBe(true);
    expect(isPoison({ messageId: '01985dd4-0000-7000-8000-000000000000', headers: {} })).toBe(false);
  });
});

/** As the consumer has it, which looks at the size first. */
function reasonOf(body: Buffer, parsed: ReturnType<typeof parseMessage>): string {
  if (body.length > MAX_EVENT_BYTES) return 'too_large';
  return parsed.ok ? 'none' : parsed.reason;
}
