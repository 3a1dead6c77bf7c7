import { isEventType, type EventType } from '../../shared/events/contracts';
import { isUuid } from '../../shared/ids';
import { receiverUrl } from '../../shared/webhooks/receiver-address';
import { readArguments, readOption } from '../command-line/read-arguments';
import { UsageError } from '../command-line/usage-error';

/** What the command line asks for. */
export type WebhooksArguments =
  | { action: 'help' }
  | {
      action: 'listen';
      forwardTo: string | undefined;
      /** None: all. */
      types: EventType[];
      restaurantId: string | undefined;
      secret: string | undefined;
      json: boolean;
    };

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const options = {
  help: { ...flag, short: 'h' },
  'forward-to': text,
  event: { ...text, multiple: true },
  restaurant: text,
  secret: text,
  json: flag,
} as const;

/** @throws {UsageError} saying what is wrong */
export function readWebhooksArguments(args: string[]): WebhooksArguments {
  const { values, positionals } = readArguments(args, options);
  if (values.help) return { action: 'help' };
  const [action, surplus] = positionals;
  if (action !== 'listen') throw new UsageError('Say what to do: listen.');
  if (surplus !== undefined)
    throw new UsageError(
      `"${surplus}" is not understood. Options go after "--": npm run webhooks -- listen …`,
    );
  return {
    action,
    forwardTo: readOption('forward-to', values['forward-to'], receiverUrl),
    types: (values.event ?? []).map((type) => readOption('event', type, eventType)),
    restaurantId: readOption('restaurant', values.restaurant, uuid),
    secret: readOption('secret', values.secret, secret),
    json: values.json,
  };
}

function eventType(given: string): EventType {
  if (!isEventType(given)) throw new Error(`"${given}" is not the type of an event, such as order.placed.v1`);
  return given;
}

function uuid(given: string): string {
  if (isUuid(given)) return given.toLowerCase();
  throw new Error(`"${given as string}" is not the id of a restaurant`);
}

function secret(given: string): string {
  if (!/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(given))
    throw new Error('must be whsec_ and at least 24 bytes in base64');
  return given;
}
