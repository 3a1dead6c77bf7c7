import { readArguments, readOption, wholeNumber } from '../command-line/read-arguments';
import { UsageError } from '../command-line/usage-error';

export interface BackfillArguments {
  help: boolean;
  service: string;
  /** Empty: all that the service subscribes to. */
  types: string[];
  /** As PostgreSQL reads them; undefined: from the first, to now. */
  from: string | undefined;
  to: string | undefined;
  rate: number;
  waiting: number;
  again: boolean;
  dryRun: boolean;
}

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;

const options = {
  help: { ...flag, short: 'h' },
  service: text,
  type: { type: 'string', multiple: true },
  from: text,
  to: text,
  rate: text,
  waiting: text,
  again: flag,
  'dry-run': flag,
} as const;

/** @throws {UsageError} saying what is wrong */
export function readBackfillArguments(args: string[]): BackfillArguments {
  const { values, positionals } = readArguments(args, options);
  if (positionals.length > 0 && !values.help)
    throw new UsageError(
      `"${positionals[0]}" is not understood. Options go after "--": npm run backfill -- --service …`,
    );
  if (!values.service && !values.help) throw new UsageError('Say which service: --service <name>.');
  return {
    help: values.help,
    service: values.service ?? '',
    types: [...new Set(values.type)],
    from: readOption('from', values.from, readTime),
    to: readOption('to', values.to, readTime),
    rate: readOption('rate', values.rate, wholeNumber) ?? 200,
    waiting: readOption('waiting', values.waiting, wholeNumber) ?? 500,
    again: values.again,
    dryRun: values['dry-run'],
  };
}

/**
 * Checks a time and leaves it as it is: a position is exact to the microsecond, which a Date would lose.
 * A day is its beginning in UTC; a time has to say its zone, so that it means the same everywhere.
 */
function readTime(given: string): string {
  const whole = /^\d{4}-\d{2}-\d{2}$/.test(given) ? `${given}T00:00:00Z` : given;
  const hasZone = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$/.test(whole);
  if (!hasZone || Number.isNaN(Date.parse(whole)))
    throw new Error(`"${given}" is not a time; write for example 2026-11-21 or 2026-11-21T10:00:00Z`);
  return whole;
}
