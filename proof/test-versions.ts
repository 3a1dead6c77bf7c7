import { runMain } from '../scripts/run-main';
import { withinMinutes } from './time-limit';
import { parseVersionsArguments, usage } from './versions/arguments';
import { runVersions } from './versions/run-versions';

// npm run test:versions: exits 0 when nothing was found wrong, 1 when something was, 130 after Ctrl-C.

const say = (line: string) => console.error(`versions: ${line}`);
/** Compiling the other version, rolling and the audits take no longer beside the states' time. */
const BESIDE_MINUTES = 20;
const STATES = 7;

runMain(
  async (signals) => {
    const given = parseVersionsArguments(process.argv.slice(2));
    if (given.help) {
      console.log(usage);
      return 0;
    }
    return withinMinutes((given.seconds * STATES) / 60 + BESIDE_MINUTES, say, signals, async (control) =>
      (await runVersions(given, control)) ? 0 : 1,
    );
  },
  { onStop: () => say('stopping and cleaning up') },
);
