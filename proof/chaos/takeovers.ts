import type { Inflicted } from './carry-out';
import { RELAY } from './read-backlog';
import { isOf } from './standstills';
import type { Sample } from './watch';

/** What became of the outbox after its owner was stopped. */
export interface Takeover {
  at: number;
  /** Until something was published, or nothing waited; undefined where neither was seen in time. */
  afterMs: number | undefined;
}

/** A standby owns the outbox within fifteen seconds; what it does is seen at the next look. */
const WITHIN_MS = 15_000;
const LOOKS_MS = 3_000;
/** What the stopped one has sent before may still be marked, by a statement that was under way. */
const SETTLING_MS = 1_000;

/**
 * Every time that the owner was stopped and nothing else was wrong with the relays or the servers, until a standby had
 * to have it. Pure, over what was seen.
 */
export function judgeTakeovers(inflicted: readonly Inflicted[], samples: readonly Sample[]): Takeover[] {
  return inflicted
    .filter(({ fault }) => fault.kind === 'relay-freeze')
    .filter((one) => !inflicted.some((other) => other !== one && disturbs(one, other)))
    .filter(({ struckAt, healedAt = Infinity }) => healedAt - struckAt >= WITHIN_MS + LOOKS_MS)
    .map(({ struckAt }) => ({ at: struckAt, afterMs: firstWork(struckAt, samples) }));
}

function firstWork(struckAt: number, samples: readonly Sample[]): number | undefined {
  const after = samples.filter(
    ({ at, backlog }) => at >= struckAt + SETTLING_MS && at <= struckAt + WITHIN_MS + LOOKS_MS && backlog,
  );
  const before = after[0]?.backlog?.lines[RELAY];
  // Nobody could look: that is no evidence against anybody.
  if (!before) return 0;
  const seen = after.find(({ backlog }) => {
    const line = backlog?.lines[RELAY];
    return line?.waiting === 0 || line?.settledAt !== before.settledAt;
  });
  return seen && seen.at - struckAt;
}

/** How long after its end a fault may still be felt: a process that starts, a connection that is made again. */
const FELT_MS = 15_000;

function disturbs(freeze: Inflicted, { fault, struckAt, healedAt = Infinity }: Inflicted): boolean {
  // More messages on the exchange, which is whole.
  if (fault.kind === 'duplicate') return false;
  const [name = ''] = fault.target.split(':');
  const concerns =
    ['postgres', 'rabbitmq', 'exchange', 'outbox_events', RELAY].includes(name) || isOf(name, RELAY);
  const until = freeze.struckAt + WITHIN_MS + LOOKS_MS;
  return concerns && struckAt < until && healedAt + FELT_MS > freeze.struckAt;
}
