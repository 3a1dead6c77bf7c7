import { handKinds, type Fault, type HandKind, type PlanOptions } from './fault';
import type { Random } from '../testbed/random';

/** Before the next one: healing takes time too. */
const REST_MS = 1_000;

/** How long each kind has for itself, and lasts. What the mesh heals itself is over when it has. */
const times: Record<HandKind, { slotMs: number; from: number; to: number }> = {
  // Below what the ladder of retries waits for: an event about the row must not end as a dead letter.
  lock: { slotMs: 10_000, from: 3_000, to: 8_000 },
  unbind: { slotMs: 6_000, from: 1_000, to: 1_000 },
  'exchange-delete': { slotMs: 9_000, from: 1_000, to: 1_000 },
  'queue-delete': { slotMs: 9_000, from: 1_000, to: 1_000 },
  policy: { slotMs: 11_000, from: 4_000, to: 8_000 },
  alarm: { slotMs: 13_000, from: 3_000, to: 7_000 },
  // It begins with a restart.
  clock: { slotMs: 22_000, from: 14_000, to: 18_000 },
  'rotate-password': { slotMs: 12_000, from: 4_000, to: 8_000 },
  revoke: { slotMs: 11_000, from: 4_000, to: 8_000 },
};

const LOCKED_TABLES = ['orders', 'order_state_tracking', 'stock_levels', 'outbox_events'];
const CLOCK_OFF_SECONDS = 90;

/** A right that a service's work needs; of one that is not here, that of every consumer. */
const needed: Record<string, string> = {
  'order-api': 'INSERT ON orders',
  'outbox-publisher': 'SELECT ON outbox_events',
  'inventory-service': 'UPDATE ON stock_levels',
  'status-service': 'UPDATE ON orders',
  'payment-service': 'UPDATE ON payments',
};
const NEEDED_BY_CONSUMERS = 'INSERT ON processed_events';

/** Each kind once, then again in another order; none before the last is over. */
export function handFaults(random: Random, firstAt: number, endMs: number, options: PlanOptions): Fault[] {
  const plan: Fault[] = [];
  const deck: HandKind[] = [];
  for (let from = firstAt; ;) {
    if (deck.length === 0) deck.push(...random.shuffle(handKinds));
    const kind = deck.shift()!;
    const { slotMs, ...lasts } = times[kind];
    if (from + slotMs > endMs) return plan;
    const durationMs = random.int(lasts.from, lasts.to);
    const at = from + random.int(0, slotMs - durationMs - REST_MS);
    plan.push({ at, kind, target: targetOf(random, kind, options), durationMs });
    from += slotMs;
  }
}

function targetOf(random: Random, kind: HandKind, options: PlanOptions): string {
  const { instances, consumers, retryLabels } = options;
  const services = Object.keys(instances);
  const consumer = random.pick(consumers);
  const retryQueue = `${consumer}.retry.${random.pick(retryLabels)}`;
  switch (kind) {
    case 'lock':
      return random.pick(LOCKED_TABLES);
    case 'unbind':
      return consumer;
    case 'exchange-delete':
      return 'exchange';
    case 'queue-delete':
      // Not the dead letters: they are nowhere else.
      return random.pick([consumer, consumer, retryQueue]);
    case 'policy':
      return random.pick([consumer, retryQueue, `${consumer}.dlq`]);
    case 'alarm':
      return 'rabbitmq';
    case 'clock': {
      const service = random.pick(services);
      const sign = random.pick(['+', '-']);
      return `${service}-${random.int(1, instances[service] ?? 1)}:${sign}${CLOCK_OFF_SECONDS}s`;
    }
    case 'rotate-password': {
      const service = random.pick(services);
      // order-api has no login at the broker.
      return `${service}:${service === 'order-api' ? 'postgres' : random.pick(['postgres', 'rabbitmq'])}`;
    }
    case 'revoke': {
      const service = random.pick(services);
      const rights = [needed[service], consumers.includes(service) ? NEEDED_BY_CONSUMERS : undefined];
      return `${service}:${random.pick(rights.filter((right) => right !== undefined))}`;
    }
  }
}
