import { EVENTS_EXCHANGE, serviceNames, type RetryDelay } from '../../shared/messaging/topology';
import type { Random } from '../testbed/random';
import { badBinary } from './bad-binary';
import { badBodies } from './bad-bodies';
import { badEvents } from './bad-events';
import { badForOne } from './bad-for-one';
import type { BadMessage } from './bad-message';
import { dressOddly } from './odd-properties';
import type { RawMessage, RawProperties } from './raw-publisher';

/** What takes which types, and how the ladder is. */
export interface Target {
  /** Types by service. */
  subscriptions: ReadonlyMap<string, ReadonlySet<string>>;
  retryDelays: readonly RetryDelay[];
  user: string;
}

/** A dead letter that there has to be. */
export interface ExpectedLetter {
  service: string;
  mark: string;
  kind: string;
  way: string;
  /** Any of them; undefined where it was put as it is, and nobody has looked at it. */
  reasons: readonly string[] | undefined;
}

export interface Brewed {
  message: RawMessage;
  letters: ExpectedLetter[];
}

const brews: Record<string, (random: Random) => BadMessage> = {
  ...badBodies,
  ...badEvents,
  ...badBinary,
  ...badForOne,
};
export const kinds = Object.keys(brews);
/** Of these a few suffice: each is copied several times, or is large. */
const RARE: Record<string, number> = { 'tried again in vain': 0.2, 'too large': 0.15 };

function brewOf(kind: string): (random: Random) => BadMessage {
  const found = brews[kind];
  if (!found) throw new Error(`there is no ${kind}`);
  return found;
}

/** One bad message and where it goes: the same for the same numbers, but for ids. */
export function brew(random: Random, number: number, target: Target): Brewed {
  const kind = random.pick(kinds);
  const rarely = RARE[kind];
  const bad = brewOf(rarely === undefined || random.chance(rarely) ? kind : 'data')(random);
  const mark = `fuzz-${number}`;
  const odd = dressOddly(random, mark);
  const properties = together(odd.properties, bad.properties, mark);
  if (random.chance(0.05)) properties.userId = target.user;
  const services = [...target.subscriptions.keys()];
  const service = bad.only ?? random.pick(services);
  const names = serviceNames(service);
  const rung = names.retryQueue(random.pick(target.retryDelays));
  const letter = (at: string, way: string, isSeen = true): ExpectedLetter => ({
    service: at,
    mark,
    kind: bad.kind,
    way,
    reasons: isSeen
      ? [
          reasonAt(bad, target.subscriptions.get(at)),
          // Of what is too large a consumer copies so much at a time; the broker moves the rest, with a word of its own.
          ...(bad.reason === 'too_large' ? ['rejected'] : []),
          ...(properties.expiration === undefined ? [] : ['expired']),
        ]
      : undefined,
  });
  const send = (exchange: string, key: string, letters: ExpectedLetter[]): Brewed => ({
    message: { exchange, key, properties, body: bad.body },
    letters,
  });
  const own = names.exchange;
  const isRouted = properties.headers?.some(([name]) => name === 'CC') ?? false;
  switch (random.int(odd.isForConsumers ? 3 : 1, bad.only ? 3 : 5)) {
    case 1:
      if (isRouted) return send('', rung, [letter(service, 'retry queue')]);
      return send(own, rung, [letter(service, 'retry queue')]);
    case 2:
      return send('', names.deadLetterQueue, [letter(service, 'dead-letter queue', false)]);
    case 3: {
      if (isRouted || random.chance(0.5)) {
        if (!odd.isForConsumers && random.chance(0.1))
          properties.expiration = random.pick(['0', '1', '1000', '86400000']);
        return send('', names.queue, [letter(service, 'work queue')]);
      }
      return send(own, 'work', [letter(service, 'own exchange')]);
    }
    default: {
      const key = random.pick([...(target.subscriptions.get(service) ?? [])]);
      const takers = services.filter((one) => target.subscriptions.get(one)?.has(key));
      return send(
        EVENTS_EXCHANGE,
        key,
        takers.map((one) => letter(one, 'events exchange')),
      );
    }
  }
}

const reasonAt = ({ type, reason }: BadMessage, takes: ReadonlySet<string> | undefined): string =>
  type !== undefined && !takes?.has(type) ? 'unknown_type' : reason;

/**
 * The headers of both; where what is bad is in them, they have to be readable. They may be such that a copy goes without
 * them, so the mark has to be the message's id then.
 */
function together(odd: RawProperties, bad: RawProperties, mark: string): RawProperties {
  if (!bad.headers) return { ...odd, ...bad };
  const { headerBytes: _unreadable, headers = [], ...rest } = odd;
  return { ...rest, ...bad, messageId: mark, headers: [...headers, ...bad.headers] };
}
