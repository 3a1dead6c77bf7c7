import { newId } from '../../shared/ids';
import type { Random } from '../testbed/random';
import { toJson, type BadMessage } from './bad-message';
import { anyEvent } from './good-events';

/** Events of a right form that one service can do nothing about; others might, so they do not get them. */
export const badForOne: Record<string, (random: Random) => BadMessage> = {
  'an order that is not there': (random) => {
    const type = random.pick([
      'inventory.deducted.success.v1',
      'order.cancellation.required.v1',
      'payment.authorized.v1',
      'payment.failed.v1',
    ] as const);
    const event = anyEvent(random, type);
    const body = toJson({ ...event, id: newId(), data: { ...event.data, order_id: newId() } });
    return {
      kind: 'an order that is not there',
      body,
      properties: {},
      reason: 'unknown_order',
      type,
      only: 'status-service',
    };
  },
  'tried again in vain': (random) => {
    const isUnknown = random.chance(0.5);
    const type = isUnknown ? 'order.placed.v1' : 'order.status.preparing.v1';
    const event = anyEvent(random, type);
    const payment_method = isUnknown
      ? random.pick(['__proto__', 'constructor', 'toString', 'card', 'X'.repeat(64)])
      : 'CARD';
    const body = toJson({
      ...event,
      id: newId(),
      data: { ...event.data, order_id: newId(), payment_method },
    });
    const reason = isUnknown ? 'unknown_value' : 'handler_failed';
    return { kind: 'tried again in vain', body, properties: {}, reason, type, only: 'payment-service' };
  },
};
