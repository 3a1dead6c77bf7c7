import fc from 'fast-check';

export const consumers = ['inventory-service', 'status-service', 'notification-service'] as const;
export type Consumer = (typeof consumers)[number];

/** One thing that happens in a history. Numbers pick among what there is at that moment, modulo its count. */
export type Step =
  | { do: 'place'; lines: { item: number; quantity: number }[] }
  | { do: 'cancel'; order: number }
  | { do: 'move'; order: number; to: 'OUT_FOR_DELIVERY' | 'DELIVERED' }
  | { do: 'adjust'; item: number; delta: number }
  /** The relay publishes some rows; where it crashes, without having marked them. */
  | { do: 'relay'; count: number; crashes: boolean }
  /** A consumer is given some messages, not always the oldest. */
  | { do: 'deliver'; consumer: Consumer; skip: number; count: number; ends: Ending }
  /** An event that was published long ago comes again. */
  | { do: 'replay'; consumer: Consumer; event: number }
  /** The dedupe rows are past their retention. */
  | { do: 'forget'; consumer: Consumer }
  /** The deadline of orders is looked at, as if all of them were late. */
  | { do: 'expire' };

/** How a delivery ends: in good order, delivered once more as well, or with the consumer dead before or after its commit. */
export type Ending =
  | 'acknowledged'
  | 'acknowledged, and delivered again'
  | 'crash before commit'
  | 'crash before acknowledgement';

const small = fc.nat({ max: 7 });
const consumer = fc.constantFrom(...consumers);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('place' as const),
      lines: fc.array(fc.record({ item: fc.nat({ max: 2 }), quantity: fc.integer({ min: 1, max: 6 }) }), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), order: small }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      order: small,
      to: fc.constantFrom('OUT_FOR_DELIVERY' as const, 'DELIVERED' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('adjust' as const),
      item: fc.nat({ max: 2 }),
      delta: fc.integer({ min: -6, max: 6 }).filter((n) => n !== 0),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('relay' as const),
      count: fc.integer({ min: 1, max: 6 }),
      crashes: fc.boolean(),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      consumer,
      skip: fc.nat({ max: 3 }),
      count: fc.integer({ min: 1, max: 4 }),
      ends: fc.constantFrom<Ending>(
        'acknowledged',
        'acknowledged, and delivered again',
        'crash before commit',
        'crash before acknowledgement',
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('replay' as const), consumer, event: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), consumer }) },
  { weight: 1, arbitrary: fc.constant({ do: 'expire' as const }) },
);

export const histories = fc.array(step, { minLength: 4, maxLength: 40 });

const letter = (order: number) => String.fromCharCode(65 + (order % 26));

/** A history as a story that a person can follow. */
export const tell = (steps: readonly Step[]): string => {
  let placed = 0;
  return steps
    .map((step, index) => {
      const line = ((): string => {
        switch (step.do) {
          case 'place':
            return `order ${letter(placed++)} is placed: ${step.lines.map((line) => `${line.quantity} of item ${line.item}`).join(', ')}`;
          case 'cancel':
            return placed ? `order ${letter(step.order % placed)} is cancelled` : 'nothing to cancel';
          case 'move':
            return placed ? `order ${letter(step.order % placed)} is moved to ${step.to}` : 'nothing to move';
          case 'adjust':
            return `item ${step.item} is corrected by ${step.delta}`;
          case 'relay':
            return `the relay publishes up to ${step.count} events${step.crashes ? ' and crashes before it marks them' : ''}`;
          case 'deliver':
            return `${step.consumer} gets up to ${step.count} messages${step.skip ? `, passing over ${step.skip}` : ''}: ${step.ends}`;
          case 'replay':
            return `published event ${step.event} comes to ${step.consumer} again`;
          case 'forget':
            return `the dedupe rows of ${step.consumer} are dropped`;
          case 'expire':
            return 'the deadline is looked at';
        }
      })();
      return `${String(index + 1).padStart(3)}. ${line}`;
    })
    .join('\n');
};
