import { parseArgs } from 'node:util';
import { UserError } from '../../scripts/servers/search';
import { numberFrom, readOption, wholeNumberFrom } from '../../operator/command-line/read-arguments';
import type { Part } from './bench';

export interface BenchArguments {
  help: boolean;
  /** Names of parts, in the order in which they run. */
  parts: string[];
  /** Of one measurement; undefined: what each part thinks fit. */
  seconds: number | undefined;
  rounds: number;
  out: string | undefined;
  strict: boolean;
  logs: boolean;
  profile: boolean;
  scaleOrders: number;
  /** The run is given up after this. */
  minutes: number;
}

type Named = Pick<Part, 'name' | 'what' | 'long'>;

export function usage(parts: readonly Named[]): string {
  const width = Math.max(...parts.map(({ name }) => name.length));
  const list = parts.map(
    ({ name, what, long }) => `  ${name.padEnd(width)}  ${long ? '(long) ' : ''}${what}`,
  );
  return `npm run bench -- [options]: measures the mesh on servers of its own, each part beside its baseline

  --only accept,mesh   only these parts
  --long               the parts marked long as well
  --seconds 3          of each measurement; by default what the part thinks fit, from 4 to 60
  --rounds 3           how often each is made, ours and the baseline by turns
  --out FILE           the report as JSON goes there as well
  --strict             exit with 1 when something is not reached
  --logs               keeps what the processes log; by default it is written to /dev/null
  --profile            keeps a CPU profile of each process, for Chrome's developer tools
  --minutes 20         gives up after that; 120 with --long or a long part
  --scale-orders N     how many orders "scale" puts into the tables (5000000)

parts:
${list.join('\n')}

Exits 0 when all that was asked for could be measured, whatever the figures are.`;
}

/** @throws UserError for what it does not understand */
export function parseBenchArguments(args: string[], parts: readonly Named[]): BenchArguments {
  try {
    const { values } = parseArgs({
      args,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        only: { type: 'string' },
        long: { type: 'boolean', default: false },
        seconds: { type: 'string' },
        rounds: { type: 'string', default: '3' },
        out: { type: 'string' },
        strict: { type: 'boolean', default: false },
        logs: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        minutes: { type: 'string' },
        'scale-orders': { type: 'string', default: '5000000' },
      },
    });
    const chosen = choose(parts, values.only, values.long);
    const minutes = values.minutes ?? (chosen.some(({ long }) => long) ? '120' : '20');
    return {
      help: values.help,
      parts: chosen.map(({ name }) => name),
      seconds: readOption('seconds', values.seconds, numberFrom(1, 3600)),
      rounds: readOption('rounds', values.rounds, wholeNumberFrom(1, 100)),
      out: values.out,
      strict: values.strict,
      logs: values.logs,
      profile: values.profile,
      scaleOrders: readOption('scale-orders', values['scale-orders'], wholeNumberFrom(10_000, 100_000_000)),
      minutes: readOption('minutes', minutes, numberFrom(0.1, 1440)),
    };
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${usage(parts)}`);
  }
}

function choose(parts: readonly Named[], only: string | undefined, long: boolean): readonly Named[] {
  if (only === undefined) return parts.filter((part) => long || !part.long);
  const wanted = only.split(',').map((name) => name.trim());
  const unknown = wanted.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0) throw new Error(`There is no part ${unknown.join(', ')}.`);
  return parts.filter(({ name }) => wanted.includes(name));
}
