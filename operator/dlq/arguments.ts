import { parseDuration } from '../../shared/service/duration';
import { readArguments, readOption, wholeNumber } from '../command-line/read-arguments';
import { UsageError } from '../command-line/usage-error';
import type { Filter } from './filter';

const actions = ['list', 'show', 'replay', 'discard'] as const;

/** What the command line asks for. */
export interface DlqArguments {
  action: (typeof actions)[number] | 'help';
  /** Empty: all. */
  services: string[];
  filter: Filter;
  json: boolean;
  limit: number;
  /** The first to be shown, from 1. */
  index: number;
  dryRun: boolean;
  yes: boolean;
  rate: number | undefined;
}

const text = { type: 'string' } as const;
const several = { type: 'string', multiple: true } as const;
const flag = { type: 'boolean', default: false } as const;

const options = {
  help: { ...flag, short: 'h' },
  service: several,
  type: several,
  reason: several,
  order: text,
  event: text,
  'older-than': text,
  'newer-than': text,
  all: flag,
  json: flag,
  limit: text,
  'dry-run': flag,
  rate: text,
  yes: flag,
} as const;

/** Options that not every action takes. */
const only: Record<string, readonly string[]> = {
  all: ['replay', 'discard'],
  json: ['list', 'show'],
  limit: ['show'],
  'dry-run': ['replay', 'discard'],
  rate: ['replay', 'discard'],
  yes: ['discard'],
};

/** @throws {UsageError} saying what is wrong */
export function readDlqArguments(args: string[], now = Date.now()): DlqArguments {
  const { values, positionals } = readArguments(args, options);
  const [given, which, ...more] = positionals;
  const action = values.help ? 'help' : actions.find((one) => one === given);
  if (!action) throw new UsageError(`Say what to do: ${actions.join(', ')}.`);
  for (const [name, takers] of Object.entries(only)) {
    if (action !== 'help' && values[name as keyof typeof values] && !takers.includes(action))
      throw new UsageError(`--${name} goes with ${takers.join(' and ')}, not with ${action}.`);
  }
  const surplus = action === 'show' ? more[0] : which;
  if (surplus !== undefined && action !== 'help')
    throw new UsageError(`"${surplus}" is not understood. Options go after "--": npm run dlq -- ${action} …`);

  const ago = (name: 'older-than' | 'newer-than') => {
    const ms = readOption(name, values[name], parseDuration);
    return ms === undefined ? undefined : new Date(now - ms);
  };
  const isIndex = which !== undefined && /^\d+$/.test(which);
  const event = isIndex ? values.event : (which ?? values.event);
  const filter: Filter = {
    types: values.type,
    reasons: values.reason,
    order: values.order,
    event: action === 'show' ? event : values.event,
    before: ago('older-than'),
    after: ago('newer-than'),
  };
  const narrowed = values.service !== undefined || Object.values(filter).some((one) => one !== undefined);
  if ((action === 'replay' || action === 'discard') && !narrowed && !values.all)
    throw new UsageError(`${action} needs a filter, or --all.`);
  if ([...(values.service ?? []), values.order, values.event].includes(''))
    throw new UsageError('--service, --order and --event need a value.');
  return {
    action,
    services: [...new Set(values.service)],
    filter,
    json: values.json,
    limit: readOption('limit', values.limit, wholeNumber) ?? 1,
    index: isIndex ? (readOption('index', which, wholeNumber) ?? 1) : 1,
    dryRun: values['dry-run'],
    yes: values.yes,
    rate: readOption('rate', values.rate, wholeNumber),
  };
}
