import { outageKinds, type Fault, type OutageKind, type PlanOptions, type SmallKind } from './fault';
import { gatewayFaults } from './plan-gateway-faults';
import { handFaults } from './plan-hand-faults';
import { seededRandom, type Random } from '../testbed/random';

const FIRST_AT = 5_000;
/** Nothing is broken any more so long before the orders end. */
const TAIL_MS = 4_000;
/** Between two outages: a server takes so long to come back, and the mesh to be well again. */
const OUTAGE_SLOT_MS = 20_000;
/** Of a frozen owner of the outbox: a standby has it within fifteen seconds, and is to be seen working after. */
const RELAY_FREEZE = { slotMs: 30_000, from: 18_000, to: 20_000 };
const SMALL_EVERY_MS = 4_000;
/** A stop of a process that outlasts heartbeats and leases. */
const LONG_FREEZES = 0.25;

/** Of what is hit at once and needs no healing: the effect takes place within this time. */
const INSTANT_MS = 1_000;

/** What is to break, and when: a pure function of its options. */
export function makePlan(options: PlanOptions): Fault[] {
  const random = seededRandom(options.seed);
  const endMs = options.minutes * 60_000 - TAIL_MS;
  const plan = [
    ...outages(random, endMs, options.brutal),
    ...smallFaults(random, endMs, options),
    ...gatewayFaults(random, FIRST_AT, endMs, options),
    // Last, so that the others are what they were before there were these.
    ...handFaults(random, FIRST_AT, endMs, options),
  ];
  return plan.sort((a, b) => a.at - b.at);
}

function outages(random: Random, endMs: number, brutal: boolean): Fault[] {
  const slotMs = brutal ? OUTAGE_SLOT_MS / 2 : OUTAGE_SLOT_MS;
  // The relay first, because only a takeover that no outage disturbs can be judged; then the servers themselves, so that
  // a short run has them all.
  const deck: OutageKind[] = ['relay-freeze', ...random.shuffle(outageKinds.slice(0, 4))];
  deck.push(...random.shuffle(outageKinds.slice(4, 6)));
  const plan: Fault[] = [];
  for (let from = FIRST_AT; ;) {
    if (deck.length === 0) deck.push(...random.shuffle(outageKinds));
    const kind = deck.shift()!;
    const takesMs = kind === 'relay-freeze' ? RELAY_FREEZE.slotMs : slotMs;
    if (from + takesMs > endMs) return plan;
    plan.push({ kind, target: outageTarget(kind), ...when(kind, from) });
    from += takesMs;
  }

  function when(kind: OutageKind, from: number): Pick<Fault, 'at' | 'durationMs'> {
    if (kind === 'relay-freeze')
      return { at: from, durationMs: random.int(RELAY_FREEZE.from, RELAY_FREEZE.to) };
    const durationMs = brutal ? random.int(4_000, 9_000) : random.int(1_500, 6_000);
    const latest = (brutal ? slotMs * 2 : slotMs / 2) - durationMs;
    const at = from + random.int(0, Math.max(0, latest));
    return { at: Math.min(at, endMs - durationMs), durationMs };
  }
}

function outageTarget(kind: OutageKind): string {
  if (kind === 'relay-freeze') return 'outbox-publisher';
  return kind.startsWith('broker') ? 'rabbitmq' : 'postgres';
}

function smallFaults(random: Random, endMs: number, options: PlanOptions): Fault[] {
  const count = Math.max(0, Math.floor((endMs - FIRST_AT) / SMALL_EVERY_MS));
  const deck: [SmallKind, string?][] = [];
  while (deck.length < count) deck.push(...random.shuffle(cards(options)));
  const plan: Fault[] = [];
  deck.slice(0, count).forEach(([kind, wish], slot) => {
    const durationMs = durationOf(random, kind);
    const at = FIRST_AT + slot * SMALL_EVERY_MS + random.int(0, SMALL_EVERY_MS - INSTANT_MS);
    for (let tries = 0; tries < 8; tries += 1) {
      const target = targetOf(random, kind, wish, options);
      const fault = { at: Math.max(FIRST_AT, Math.min(at, endMs - durationMs)), kind, target, durationMs };
      // A process that is stopped already cannot be stopped again; nor be healed twice.
      if (fault.at + durationMs > endMs || plan.some((other) => collides(fault, other))) continue;
      plan.push(fault);
      return;
    }
  });
  return plan;
}

/** One of each: a kill and a stop of every kind of service, poison for every queue, connections to servers and gateway. */
const cards = ({ instances, consumers }: PlanOptions): [SmallKind, string?][] => [
  ...Object.keys(instances).map((service): [SmallKind, string] => ['kill', service]),
  ...consumers.map((queue): [SmallKind, string] => ['poison', queue]),
  // Not of a relay: the owner's is an outage, and with both stopped nobody could take over.
  ...Object.keys(instances)
    .filter((service) => service !== 'outbox-publisher')
    .map((service): [SmallKind, string] => ['freeze', service]),
  ['cut', 'rabbitmq'],
  ['cut', 'postgres'],
  ['cut', 'gateway'],
  ['blackhole', 'rabbitmq'],
  ['blackhole', 'postgres'],
  ['blackhole', 'gateway'],
  ['duplicate', 'exchange'],
  ['duplicate'],
  ['reorder'],
];

function durationOf(random: Random, kind: SmallKind): number {
  if (kind === 'freeze')
    return random.chance(LONG_FREEZES) ? random.int(15_000, 25_000) : random.int(3_000, 12_000);
  if (kind === 'blackhole') return random.int(4_000, 14_000);
  if (kind === 'duplicate' || kind === 'reorder') return random.int(2_000, 5_000);
  return INSTANT_MS;
}

function targetOf(
  random: Random,
  kind: SmallKind,
  wish: string | undefined,
  { instances, consumers, gatewayCaller }: PlanOptions,
): string {
  const instanceOf = (service: string) => `${service}-${random.int(1, instances[service] ?? 1)}`;
  if (kind === 'kill') return instanceOf(wish ?? random.pick(Object.keys(instances)));
  if (kind === 'freeze') return instanceOf(wish ?? random.pick(consumers));
  if (wish === 'gateway') return `${instanceOf(gatewayCaller)}:gateway`;
  if (kind === 'cut' || kind === 'blackhole') {
    const reachable = Object.keys(instances).filter((name) => wish !== 'rabbitmq' || name !== 'order-api');
    return `${instanceOf(random.pick(reachable))}:${wish}`;
  }
  return wish ?? random.pick(consumers);
}

const collides = (one: Fault, other: Fault) =>
  one.target === other.target &&
  (one.kind === 'freeze' || one.kind === 'blackhole') &&
  other.kind === one.kind &&
  one.at < other.at + other.durationMs &&
  other.at < one.at + one.durationMs;
