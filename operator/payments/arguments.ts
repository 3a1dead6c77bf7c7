import { settlements, type PaymentCause } from '../../shared/payment/payment-lifecycle';
import { isUuid } from '../../shared/ids';
import { parseDuration } from '../../shared/service/duration';
import { readArguments, readOption, wholeNumber } from '../command-line/read-arguments';
import { UsageError } from '../command-line/usage-error';

/** All that an operator may say became of something. */
export const settleable = [...new Set(Object.values(settlements).flat())];

/** What the command line asks for. */
export type PaymentsArguments =
  | { action: 'help' }
  /** `stuckForMs`: not those in review, but those that are asked about for longer. */
  | { action: 'list'; stuckForMs: number | undefined; limit: number; json: boolean }
  | { action: 'show'; orderId: string; json: boolean }
  | { action: 'retry'; orderId: string; operator: string | undefined; note: string | undefined }
  | { action: 'settle'; orderId: string; as: PaymentCause; operator: string | undefined; note: string };

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const options = {
  help: { ...flag, short: 'h' },
  stuck: flag,
  limit: text,
  json: flag,
  as: text,
  note: text,
  operator: text,
} as const;

/** Which actions take an option. */
const takers: Record<string, readonly string[]> = {
  stuck: ['list'],
  limit: ['list'],
  json: ['list', 'show'],
  as: ['settle'],
  note: ['settle', 'retry'],
  operator: ['settle', 'retry'],
};

const STUCK_FOR_MS = 600_000;
const LIMIT = 100;

/** @throws {UsageError} saying what is wrong */
export function readPaymentsArguments(args: string[]): PaymentsArguments {
  const { values, positionals } = readArguments(args, options);
  const [action, which, ...more] = positionals;
  if (values.help) return { action: 'help' };
  for (const [name, actions] of Object.entries(takers))
    if (action && values[name as keyof typeof values] && !actions.includes(action))
      throw new UsageError(`--${name} goes with ${actions.join(' and ')}, not with ${action}.`);
  const { json, operator } = values;
  const note = values.note?.trim();
  if (operator?.trim() === '') throw new UsageError('--operator needs a name.');
  switch (action) {
    case 'list': {
      // `--stuck 1h`, with the time standing alone.
      const time = values.stuck ? which : undefined;
      noMore(action, time === undefined ? which : more[0]);
      const stuckForMs = values.stuck
        ? (readOption('stuck', time, parseDuration) ?? STUCK_FOR_MS)
        : undefined;
      return { action, stuckForMs, limit: readOption('limit', values.limit, wholeNumber) ?? LIMIT, json };
    }
    case 'show':
      return { action, orderId: orderIdFrom(action, which, more), json };
    case 'retry':
      return { action, orderId: orderIdFrom(action, which, more), operator, note };
    case 'settle': {
      const orderId = orderIdFrom(action, which, more);
      const as = settleable.find((cause) => cause === values.as);
      if (!as) throw new UsageError(`--as says what became of it: ${settleable.join(', ')}.`);
      if (!note) throw new UsageError('--note says why, for whoever looks at it later.');
      return { action, orderId, as, operator, note };
    }
    default:
      throw new UsageError('Say what to do: list, show, retry, settle.');
  }
}

function orderIdFrom(action: string, which: string | undefined, more: readonly string[]): string {
  noMore(action, more[0]);
  if (!isUuid(which)) throw new UsageError(`${action} needs the id of an order.`);
  return which.toLowerCase();
}

function noMore(action: string, surplus: string | undefined): void {
  if (surplus !== undefined)
    throw new UsageError(
      `"${surplus}" is not understood. Options go after "--": npm run payments -- ${action} …`,
    );
}
