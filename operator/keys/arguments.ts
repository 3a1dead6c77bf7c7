import { roles, type Role } from '../../order-api/access/caller';
import { text as oneLine } from '../../order-api/http/fields';
import { isUuid } from '../../shared/ids';
import { parseDuration } from '../../shared/service/duration';
import { readArguments, readOption } from '../command-line/read-arguments';
import { UsageError } from '../command-line/usage-error';

/** What a new key is for. */
export interface WantedKey {
  role: Role;
  restaurantIds: string[];
  customerId: string | undefined;
  name: string | undefined;
  readOnly: boolean;
  expiresInMs: number | undefined;
}

/** What the command line asks for. */
export type KeysArguments =
  | { action: 'help' }
  | { action: 'create'; wanted: WantedKey }
  | { action: 'list'; all: boolean; json: boolean }
  | { action: 'rotate'; id: string; overlapMs: number; expiresInMs: number | undefined }
  | { action: 'revoke'; id: string };

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const options = {
  help: { ...flag, short: 'h' },
  role: text,
  restaurant: { ...text, multiple: true },
  customer: text,
  name: text,
  expires: text,
  'read-only': flag,
  overlap: text,
  all: flag,
  json: flag,
} as const;

/** Which actions take an option. */
const takers: Record<string, readonly string[]> = {
  role: ['create'],
  restaurant: ['create'],
  customer: ['create'],
  name: ['create'],
  expires: ['create', 'rotate'],
  'read-only': ['create'],
  overlap: ['rotate'],
  all: ['list'],
  json: ['list'],
};

const OVERLAP_MS = 86_400_000;

/** @throws {UsageError} saying what is wrong */
export function readKeysArguments(args: string[]): KeysArguments {
  const { values, positionals } = readArguments(args, options);
  const [action, which, ...more] = positionals;
  if (values.help) return { action: 'help' };
  for (const [name, actions] of Object.entries(takers))
    if (action && values[name as keyof typeof values] && !actions.includes(action))
      throw new UsageError(`--${name} goes with ${actions.join(' and ')}, not with ${action}.`);
  const expiresInMs = readOption('expires', values.expires, parseDuration);
  switch (action) {
    case 'create':
      noMore(action, which);
      return { action, wanted: wantedKey(values, expiresInMs) };
    case 'list':
      noMore(action, which);
      return { action, all: values.all, json: values.json };
    case 'rotate': {
      const overlapMs =
        values.overlap === '0' ? 0 : (readOption('overlap', values.overlap, parseDuration) ?? OVERLAP_MS);
      return { action, id: keyIdFrom(action, which, more), overlapMs, expiresInMs };
    }
    case 'revoke':
      return { action, id: keyIdFrom(action, which, more) };
    default:
      throw new UsageError('Say what to do: create, list, rotate, revoke.');
  }
}

interface Values {
  role?: string | undefined;
  restaurant?: string[] | undefined;
  customer?: string | undefined;
  name?: string | undefined;
  'read-only': boolean;
}

function wantedKey(values: Values, expiresInMs: number | undefined): WantedKey {
  const role = roles.find((one) => one === values.role);
  if (!role) throw new UsageError(`--role says what the key may: ${roles.join(', ')}.`);
  const restaurantIds = (values.restaurant ?? []).map((id) => id.toLowerCase());
  if (role !== 'staff' && restaurantIds.length > 0)
    throw new UsageError('--restaurant goes with --role staff.');
  if (role === 'staff' && (restaurantIds.length === 0 || !restaurantIds.every(isUuid)))
    throw new UsageError('Staff needs --restaurant with the id of a restaurant.');
  if (role !== 'customer' && values.customer !== undefined)
    throw new UsageError('--customer goes with --role customer.');
  if (role === 'customer' && values.customer === undefined)
    throw new UsageError("A customer needs --customer with the customer's id.");
  return {
    role,
    restaurantIds: [...new Set(restaurantIds)],
    customerId: readOption('customer', values.customer, readText(64)),
    name: readOption('name', values.name, readText(200)),
    readOnly: values['read-only'],
    expiresInMs,
  };
}

/** As the API keeps it: what an order's customer is compared with has to be the same text. */
const readText = (longest: number) => (given: string) => {
  const { data, error } = oneLine(longest).safeParse(given);
  if (data === undefined) throw new Error(error?.issues[0]?.message);
  return data;
};

function keyIdFrom(action: string, which: string | undefined, more: readonly string[]): string {
  noMore(action, more[0]);
  // Also as it stands in the history (`key:…`), and in the key itself, which is all that one has who has found a leak.
  const [, hex] =
    /^(?:key:|om_live_)?([0-9a-f]{32})(?:_.*)?$/.exec(
      (which ?? '').toLowerCase().replace(/^((?:key:)?[0-9a-f]{8})-(.{4})-(.{4})-(.{4})-/, '$1$2$3$4'),
    ) ?? [];
  const id = hex?.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  if (!isUuid(id)) throw new UsageError(`${action} needs the id of a key; list names them.`);
  return id;
}

function noMore(action: string, surplus: string | undefined): void {
  if (surplus !== undefined)
    throw new UsageError(
      `"${surplus}" is not understood. Options go after "--": npm run keys -- ${action} …`,
    );
}
