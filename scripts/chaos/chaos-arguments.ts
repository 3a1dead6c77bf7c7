import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { UserError } from '../servers/search';

export interface ChaosArguments {
  help: boolean;
  seed: number;
  /** How long orders flow and things break. */
  minutes: number;
  /** Orders a second. */
  rate: number;
  brutal: boolean;
  keep: boolean;
}

export const usage = `npm run chaos                        two minutes of orders while everything is broken, on servers of its own
npm run chaos -- --seed 7            the plan of another run again
npm run chaos -- --minutes 10        longer (from 0.2 to 120)
npm run chaos -- --rate 30           orders a second (15)
npm run chaos -- --brutal            more than one server away at a time
npm run chaos -- --keep              keep data and logs also when all is well`;

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
      },
    });
    return {
      help: values.help,
      brutal: values.brutal,
      keep: values.keep,
      seed: values.seed === undefined ? randomInt(1, 1_000_000) : seed(values.seed),
      minutes: number('minutes', values.minutes, 0.2, 120),
      rate: number('rate', values.rate, 0.5, 500),
    };
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${usage}`);
  }
}

function number(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw new Error(`--${name} is "${text}"; it has to be a number from ${least} to ${most}.`);
}

function seed(text: string): number {
  const value = number('seed', text, 0, 0xffff_ffff);
  if (Number.isInteger(value)) return value;
  throw new Error(`--seed is "${text}"; it has to be a whole number.`);
}
