import fc from 'fast-check';

export const consumers = [
  'inventory-service',
  'status-service',
  'payment-service',
  'notification-service',
] as const;
export type Consumer = (typeof consumers)[number];

/** What becomes of a call to the payment gateway. */
export type Fate = 'answered' | 'answer lost' | 'never arrives' | 'arrives late';

/** Cards: one that pays, one that does not, and one that is authorised and then not charged. */
export const tokens = ['tok_pays', 'tok_declined', 'tok_refuses'] as const;

/** One thing that happens in a history. Numbers pick among what there is at that moment, modulo its count. */
export type Step =
  | { do: 'place'; lines: Lines; token: (typeof tokens)[number] | null }
  | { do: 'draft'; lines: Lines }
  | { do: 'approve'; order: number; token: (typeof tokens)[number] | null }
  | { do: 'cancel'; order: number }
  | { do: 'move'; order: number; to: 'OUT_FOR_DELIVERY' | 'DELIVERED' }
  | { do: 'adjust'; item: number; delta: number }
  /** The relay publishes some rows; where it crashes, without having marked them. */
  | { do: 'relay'; count: number; crashes: boolean }
  /** For a while all goes well: what is published arrives and is handled, again and again. */
  | { do: 'run'; hops: number }
  /** A consumer is given some messages, not always the oldest. */
  | { do: 'deliver'; consumer: Consumer; skip: number; count: number; ends: Ending }
  /** An event that was published long ago comes again. */
  | { do: 'replay'; consumer: Consumer; event: number }
  /** The dedupe rows are past their retention. */
  | { do: 'forget'; consumer: Consumer }
  /** The gateway is asked what a payment waits for; the outcome is recorded, or only later, or the process dies. */
  | {
      do: 'pay';
      payment: number;
      fates: Fate[];
      /** An order whose cancellation is handled as this call is made. */
      meanwhile: { order: number; call: number } | null;
      ends: 'recorded' | 'recorded late' | 'process dies';
    }
  /** What was late comes: requests at the gateway, and then outcomes into the database. */
  | { do: 'catch up' }
  /** The deadline of orders is looked at, as if all of them were late. */
  | { do: 'expire' };

type Lines = { item: number; quantity: number }[];

/** How a delivery ends: in good order, delivered once more as well, or with the consumer dead before or after its commit. */
export type Ending =
  | 'acknowledged'
  | 'acknowledged, and delivered again'
  | 'crash before commit'
  | 'crash before acknowledgement';

const small = fc.nat({ max: 7 });
const consumer = fc.constantFrom(...consumers);

const lines = fc.array(fc.record({ item: fc.nat({ max: 2 }), quantity: fc.integer({ min: 1, max: 4 }) }), {
  minLength: 1,
  maxLength: 3,
});
const token = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 4, arbitrary: fc.constant('tok_pays' as const) },
  { weight: 3, arbitrary: fc.constantFrom(...tokens) },
);

const fate = fc.constantFrom<Fate>('answer lost', 'never arrives', 'arrives late');
const pay = fc.record({
  do: fc.constant('pay' as const),
  payment: small,
  // Of its calls in turn: an authorisation opens a payment first.
  fates: fc.oneof(
    fc.constant<Fate[]>([]),
    fate.map((first): Fate[] => [first]),
    fate.map((second): Fate[] => ['answered', second]),
  ),
  meanwhile: fc.option(fc.record({ order: small, call: fc.nat({ max: 1 }) }), { freq: 6 }),
  ends: fc.constantFrom('recorded', 'recorded', 'recorded late', 'process dies'),
});
const catchUp = fc.constant({ do: 'catch up' as const });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('place' as const), lines, token }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('draft' as const), lines }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('approve' as const), order: small, token }) },
  { weight: 8, arbitrary: pay },
  { weight: 1, arbitrary: catchUp },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('run' as const), hops: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('cancel' as const), order: small }) },
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
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('relay' as const),
      count: fc.integer({ min: 1, max: 6 }),
      crashes: fc.boolean(),
    }),
  },
  {
    weight: 7,
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

// By default fast-check makes arrays of about ten: too short a life for an order to be refunded.
export const histories = fc.array(step, { minLength: 4, maxLength: 80, size: 'max' });

/** Lives of one order paid by card, of which most is spent with answers outstanding. */
export const moneyHistories: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.constantFrom('tok_pays' as const, 'tok_pays' as const, ...tokens),
    fc.array(
      fc.oneof(
        { weight: 8, arbitrary: pay },
        { weight: 2, arbitrary: catchUp },
        { weight: 2, arbitrary: fc.constant({ do: 'cancel' as const, order: 0 }) },
        { weight: 6, arbitrary: fc.constant({ do: 'relay' as const, count: 6, crashes: false }) },
        {
          weight: 8,
          arbitrary: fc.record({
            do: fc.constant('deliver' as const),
            consumer: fc.constantFrom('inventory-service', 'status-service', 'payment-service'),
            skip: fc.nat({ max: 1 }),
            count: fc.constant(1),
            ends: fc.constantFrom<Ending>('acknowledged', 'acknowledged, and delivered again'),
          }),
        },
      ),
      { minLength: 10, maxLength: 50, size: 'max' },
    ),
  )
  .map(([token, steps]) => [{ do: 'place', lines: [{ item: 0, quantity: 1 }], token }, ...steps]);

const contents = (lines: Lines) => lines.map((line) => `${line.quantity} of item ${line.item}`).join(', ');
const letter = (order: number) => String.fromCharCode(65 + (order % 26));

/** A history as a story that a person can follow. */
export const tell = (steps: readonly Step[]): string => {
  let placed = 0;
  return steps
    .map((step, index) => {
      const line = ((): string => {
        switch (step.do) {
          case 'place':
            return `order ${letter(placed++)} is placed${step.token ? ` with ${step.token}` : ''}: ${contents(step.lines)}`;
          case 'draft':
            return `order ${letter(placed++)} is drafted: ${contents(step.lines)}`;
          case 'approve':
            return placed
              ? `order ${letter(step.order % placed)} is approved${step.token ? ` with ${step.token}` : ''}`
              : 'nothing to approve';
          case 'pay':
            return `payment ${step.payment} is worked on: ${step.fates.join(', ') || 'answered'}; ${
              step.meanwhile && placed
                ? `meanwhile ${letter(step.meanwhile.order % placed)} is cancelled (call ${step.meanwhile.call}); `
                : ''
            }${step.ends}`;
          case 'catch up':
            return 'what was late comes';
          case 'cancel':
            return placed ? `order ${letter(step.order % placed)} is cancelled` : 'nothing to cancel';
          case 'move':
            return placed ? `order ${letter(step.order % placed)} is moved to ${step.to}` : 'nothing to move';
          case 'adjust':
            return `item ${step.item} is corrected by ${step.delta}`;
          case 'relay':
            return `the relay publishes up to ${step.count} events${step.crashes ? ' and crashes before it marks them' : ''}`;
          case 'run':
            return `all goes well for ${step.hops} hops`;
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
