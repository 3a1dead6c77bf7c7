import { runMain } from '../scripts/run-main';
import { parseBenchArguments, usage } from './bench/bench-arguments';
import { allParts } from './bench/parts/all-parts';
import { runBench } from './bench/run-bench';
import { withinMinutes } from './time-limit';

// npm run bench: exits 0 when all could be measured, 1 when not (with --strict also when something was not
// reached), 130 after Ctrl-C.

const say = (line: string) => console.error(`bench: ${line}`);

runMain(
  async (signals) => {
    const given = parseBenchArguments(process.argv.slice(2), allParts);
    if (given.help) {
      console.log(usage(allParts));
      return 0;
    }
    return withinMinutes(given.minutes, say, signals, (control) => runBench(given, control));
  },
  { onStop: () => say('stopping and cleaning up') },
);
