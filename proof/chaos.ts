import { runMain } from '../scripts/run-main';
import { parseChaosArguments, usage } from './chaos/chaos-arguments';
import { runChaos } from './chaos/run-chaos';
import { withinMinutes } from './time-limit';

// npm run chaos: exits 0 when nothing was found wrong, 1 when something was, 130 after Ctrl-C.

const say = (line: string) => console.error(`chaos: ${line}`);
/** Start, quiet and checks take no longer than this beside the orders' minutes. */
const BESIDE_MINUTES = 5;

runMain(
  async (signals) => {
    const given = parseChaosArguments(process.argv.slice(2));
    if (given.help) {
      console.log(usage);
      return 0;
    }
    return withinMinutes(given.minutes + BESIDE_MINUTES, say, signals, async (control) =>
      (await runChaos(given, control)) ? 0 : 1,
    );
  },
  { onStop: () => say('stopping and cleaning up') },
);
