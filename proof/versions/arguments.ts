import { parseArgs } from 'node:util';
import { numberFrom, readOption, wholeNumberFrom } from '../../operator/command-line/read-arguments';
import { UserError } from '../../scripts/servers/search';

export interface VersionsArguments {
  help: boolean;
  /** The other version; undefined for the last release. */
  from?: string;
  /** Orders a second. */
  rate: number;
  /** How long each state of the mesh lasts: all old, some of each, all new. */
  seconds: number;
  seed: number;
  keep: boolean;
}

export const usage = `npm run test:versions                     the last release and this version beside each other, under load
npm run test:versions -- --from HEAD     another one than the last release: HEAD is a rolling restart
npm run test:versions -- --rate 50       orders a second (200)
npm run test:versions -- --seconds 30    how long each state of the mesh lasts (10)
npm run test:versions -- --seed 7        the same orders again
npm run test:versions -- --keep          keep data and logs also when all is well

The other version's services run on its own schema. Then the schema is brought up to this version's, and every service
is rolled forward, back, and forward again, one instance at a time, while orders flow. Every request has to be answered
as it should; afterwards both versions' audits have to find nothing. See docs/guides/upgrading.md.`;

/** @throws UserError for what it does not understand */
export function parseVersionsArguments(args: string[]): VersionsArguments {
  try {
    const { values } = parseArgs({
      args,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        from: { type: 'string' },
        rate: { type: 'string', default: '200' },
        seconds: { type: 'string', default: '10' },
        seed: { type: 'string', default: '1' },
        keep: { type: 'boolean', default: false },
      },
    });
    return {
      help: values.help,
      ...(values.from && { from: values.from }),
      keep: values.keep,
      rate: readOption('rate', values.rate, numberFrom(1, 1_000)),
      seconds: readOption('seconds', values.seconds, numberFrom(1, 600)),
      seed: readOption('seed', values.seed, wholeNumberFrom(0, 0xffff_ffff)),
    };
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${usage}`);
  }
}
