import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { numberFrom, readOption, wholeNumberFrom } from '../../operator/command-line/read-arguments';
import { readRelease } from '../../scripts/contracts/release';
import { UserError } from '../../scripts/servers/search';

export interface ChaosArguments {
  help: boolean;
  seed: number;
  /** How long orders flow and things break. */
  minutes: number;
  /** Orders a second. */
  rate: number;
  brutal: boolean;
  keep: boolean;
  /** A commit whose services run beside this version's, one of two instances each. */
  beside: string | undefined;
}

export const usage = `npm run chaos                        two minutes of orders while everything is broken, on servers of its own
npm run chaos -- --seed 7            the plan of another run again
npm run chaos -- --minutes 10        longer (from 0.2 to 120)
npm run chaos -- --rate 30           orders a second (15)
npm run chaos -- --brutal            more than one server away at a time
npm run chaos -- --beside-release    one of two instances of each consumer and of the relay is the last release's (or --beside COMMIT)
npm run chaos -- --keep              keep data and logs also when all is well

Broken are: processes (killed, stopped, cut off, with a wrong clock), both servers (stopped, killed, unreachable, in
alarm), the gateway, messages (repeated, in another order, poison), locks, bindings, queues, the exchange, policies,
passwords and grants. See docs/guides/testing.md.`;

/** @throws UserError for what it does not understand */
export function parseChaosArguments(args: string[]): ChaosArguments {
  try {
    const { values } = parseArgs({
      args,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        seed: { type: 'string' },
        minutes: { type: 'string', default: '2' },
        rate: { type: 'string', default: '15' },
        brutal: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        'beside-release': { type: 'boolean', default: false },
        beside: { type: 'string' },
      },
    });
    return {
      help: values.help,
      brutal: values.brutal,
      keep: values.keep,
      beside: values.beside ?? (values['beside-release'] ? readRelease().commit : undefined),
      seed: readOption('seed', values.seed, wholeNumberFrom(0, 0xffff_ffff)) ?? randomInt(1, 1_000_000),
      minutes: readOption('minutes', values.minutes, numberFrom(0.2, 120)),
      rate: readOption('rate', values.rate, numberFrom(0.5, 500)),
    };
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${usage}`);
  }
}
