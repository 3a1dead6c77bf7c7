import type { Channel, ConsumeMessage } from 'amqplib';
import { until } from '../testing/until';
import type { Session } from './session';
import { acknowledge, flushAcks, type Attachment, type Delivery } from './delivery';

/** Deliveries with these tags, heard of in this order; and what is acknowledged of them, by tag, `≤` for all up to it. */
function deliveries(...tags: number[]) {
  const acked: string[] = [];
  const channel = {
    ack: ({ fields }: ConsumeMessage, allUpTo = false) =>
      void acked.push(`${allUpTo ? '≤' : ''}${fields.deliveryTag}`),
  } as unknown as Channel;
  const attachment = {
    session: { open: true } as Session,
    channel,
    unacknowledged: new Set(tags),
    mostAcks: 3,
  } as Attachment;
  const of = (tag: number) =>
    ({ attachment, message: { fields: { deliveryTag: tag } } as ConsumeMessage }) as Delivery;
  return { acked, of, flush: () => flushAcks(attachment) };
}

it('acknowledges with one frame what has nothing older before it, and the rest one by one', () => {
  const { acked, of, flush } = deliveries(1, 2, 3, 4, 5);
  acknowledge(of(1), of(2), of(4));
  expect(acked).toEqual(['≤2', '4']);
  acknowledge(of(3), of(5), of(4));
  flush();
  expect(acked).toEqual(['≤2', '4', '≤5']);
});

it('never acknowledges what is in hand with what came after it, though it was heard of late', () => {
  const { acked, of, flush } = deliveries(2, 3, 4, 1); // 1 is the answer to a `get`, which is heard a moment later
  acknowledge(of(2), of(3));
  flush();
  expect(acked).toEqual(['2', '3']);
  acknowledge(of(1));
  flush();
  expect(acked).toEqual(['2', '3', '≤1']);
});

it('lets acknowledgements gather for a moment, or until there are enough', async () => {
  const { acked, of } = deliveries(1, 2, 3, 4, 5);
  acknowledge(of(2));
  acknowledge(of(1));
  expect(acked).toEqual([]);
  await until('the moment to be over', () => acked.length > 0);
  expect(acked).toEqual(['≤2']);
  for (const tag of [3, 4, 5]) acknowledge(of(tag));
  expect(acked).toEqual(['≤2', '≤5']);
});

it('ends the session, and nothing else, where the channel has closed before the acknowledgements left', async () => {
  const reasons: unknown[] = [];
  const closing = new Error('Channel closing');
  const ack = () => {
    throw closing;
  };
  const session = { open: true, fail: (reason: unknown) => void reasons.push(reason) } as Session;
  const attachment = {
    session,
    channel: { ack } as unknown as Channel,
    unacknowledged: new Set([1]),
    mostAcks: 3,
  };
  acknowledge({ attachment, message: { fields: { deliveryTag: 1 } } } as unknown as Delivery);
  await until('the session to end', () => reasons.length > 0);
  expect(reasons).toEqual([closing]);
});
