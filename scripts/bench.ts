import { setMaxListeners } from 'node:events';
import { parseBenchArguments, usage } from '../bench/bench-arguments';
import { allParts } from '../bench/parts/all-parts';
import { runBench } from '../bench/run-bench';
import { UserError } from './servers/search';
import { onStopSignals } from './supervisor/stop-signals';

// npm run bench: exits 0 when all could be measured, 1 when not (with --strict also when something was not
// reached), 130 after Ctrl-C.

const say = (line: string) => console.error(`bench: ${line}`);

async function main(): Promise<number> {
  const given = parseBenchArguments(process.argv.slice(2), allParts);
  if (given.help) {
    console.log(usage(allParts));
    return 0;
  }
  const stopping = new AbortController();
  const hurrying = new AbortController();
  setMaxListeners(0, stopping.signal); // every wait listens
  let stopped = false;
  onStopSignals({
    stop: () => {
      say('stopping and cleaning up');
      stopped = true;
      stopping.abort();
    },
    hurry: () => hurrying.abort(),
  });
  const limit = setTimeout(() => {
    say(`this takes longer than ${given.minutes} minutes: giving up what is not measured yet`);
    stopping.abort();
  }, given.minutes * 60_000);
  try {
    const code = await runBench(given, { say, stopping: stopping.signal, hurrying: hurrying.signal });
    return stopped ? 130 : code;
  } finally {
    clearTimeout(limit);
  }
}

for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof UserError ? `\n${error.message}\n` : error);
    process.exit(1);
  },
);
