import { isOptionalMail, optionalMails } from '../../shared/mail/optional-mails';
import { isUuid } from '../../shared/ids';
import { parseDuration } from '../../shared/service/duration';
import { readArguments, readOption, wholeNumber } from '../command-line/read-arguments';
import { UsageError } from '../command-line/usage-error';

export const channels = ['log', 'email', 'slack', 'webhook'] as const;
export const statuses = ['pending', 'sent', 'failed', 'dropped', 'gathered'] as const;

/** Which notifications are listed; what is left out does not matter. */
export interface NotificationFilter {
  channel?: (typeof channels)[number] | undefined;
  statuses?: (typeof statuses)[number][] | undefined;
  order?: string | undefined;
  recipient?: string | undefined;
  sinceMs?: number | undefined;
}

/** What the command line asks for. */
export type NotificationsArguments =
  | { action: 'help' }
  | { action: 'list'; filter: NotificationFilter; limit: number; json: boolean }
  | { action: 'show'; id: string; json: boolean }
  | { action: 'retry'; ids: string[]; filter: NotificationFilter }
  | { action: 'opt-out' | 'opt-in'; address: string; kind: string | undefined }
  | { action: 'opt-outs'; address: string; json: boolean }
  | { action: 'preview'; to: string | undefined; pictures: boolean };

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const options = {
  help: { ...flag, short: 'h' },
  channel: text,
  status: text,
  order: text,
  recipient: text,
  since: text,
  limit: text,
  failed: flag,
  to: text,
  pictures: flag,
  json: flag,
} as const;

/** Which actions take an option. */
const takers: Record<string, readonly string[]> = {
  channel: ['list', 'retry'],
  status: ['list'],
  order: ['list'],
  recipient: ['list'],
  since: ['list', 'retry'],
  limit: ['list'],
  failed: ['retry'],
  to: ['preview'],
  pictures: ['preview'],
  json: ['list', 'show', 'opt-outs'],
};

/** @throws {UsageError} saying what is wrong */
export function readNotificationsArguments(args: string[]): NotificationsArguments {
  const { values, positionals } = readArguments(args, options);
  const [action, ...rest] = positionals;
  if (values.help) return { action: 'help' };
  for (const [name, actions] of Object.entries(takers))
    if (action && values[name as keyof typeof values] && !actions.includes(action))
      throw new UsageError(`--${name} goes with ${actions.join(' and ')}, not with ${action}.`);
  const filter: NotificationFilter = {
    channel: readOption('channel', values.channel, oneOf(channels)),
    statuses: readOption('status', values.status, severalOf(statuses)),
    order: readOption('order', values.order, readId),
    recipient: values.recipient,
    sinceMs: readOption('since', values.since, parseDuration),
  };
  switch (action) {
    case 'list':
      exactly(action, rest, 0);
      return {
        action,
        filter,
        limit: readOption('limit', values.limit, wholeNumber) ?? 50,
        json: values.json,
      };
    case 'show':
      return {
        action,
        id: exactly(action, rest, 1, 'the id of a notification').map(idFrom)[0]!,
        json: values.json,
      };
    case 'retry':
      if (values.failed === rest.length > 0)
        throw new UsageError(
          'retry needs either ids of notifications that failed, or --failed for all of them.',
        );
      return { action, ids: rest.map(idFrom), filter };
    case 'opt-out':
    case 'opt-in':
      return { action, ...addressAndKind(action, rest) };
    case 'opt-outs':
      return { action, address: addressFrom(exactly(action, rest, 1, 'an address')[0]!), json: values.json };
    case 'preview':
      exactly(action, rest, 0);
      return { action, to: values.to, pictures: values.pictures };
    default:
      throw new UsageError('Say what to do: list, show, retry, opt-out, opt-in, opt-outs, preview.');
  }
}

function exactly(action: string, rest: string[], count: number, what = ''): string[] {
  if (rest.length < count) throw new UsageError(`${action} needs ${what}.`);
  if (rest.length > count)
    throw new UsageError(
      `"${rest[count]}" is not understood. Options go after "--": npm run notifications -- ${action} …`,
    );
  return rest;
}

function addressAndKind(action: string, rest: string[]): { address: string; kind: string | undefined } {
  if (rest.length === 0) throw new UsageError(`${action} needs an address.`);
  if (rest.length > 2) exactly(action, rest, 2);
  const [address = '', kind] = rest;
  if (kind !== undefined && !isOptionalMail(kind))
    throw new UsageError(
      `"${kind}" is not a kind that can be opted out of; there are ${Object.keys(optionalMails).join(', ')}.`,
    );
  return { address: addressFrom(address), kind };
}

function addressFrom(given: string): string {
  if (!/^[^\s@]+@[^\s@]+$/.test(given)) throw new UsageError(`"${given}" is not a mail address.`);
  return given;
}

const readId = (given: string): string => {
  if (!isUuid(given)) throw new Error(`"${String(given)}" is not an id`);
  return given.toLowerCase();
};

function idFrom(given: string): string {
  if (!isUuid(given))
    throw new UsageError(`"${String(given)}" is not the id of a notification; list names them.`);
  return given.toLowerCase();
}

const oneOf =
  <T extends string>(values: readonly T[]) =>
  (given: string): T => {
    const found = values.find((value) => value === given.toLowerCase());
    if (!found) throw new Error(`"${given}" is not one of ${values.join(', ')}`);
    return found;
  };

const severalOf =
  <T extends string>(values: readonly T[]) =>
  (given: string): T[] =>
    given.split(',').map(oneOf(values));
