import { setMaxListeners } from 'node:events';
import { parseChaosArguments, usage } from './chaos/chaos-arguments';
import { runChaos } from './chaos/run-chaos';
import { UserError } from './servers/search';
import { onStopSignals } from './supervisor/stop-signals';

// npm run chaos: exits 0 when nothing was found wrong, 1 when something was, 130 after Ctrl-C.

const say = (line: string) => console.error(`chaos: ${line}`);
/** Start, quiet and checks take no longer than this beside the orders' minutes. */
const BESIDE_MS = 5 * 60_000;

async function main(): Promise<number> {
  const given = parseChaosArguments(process.argv.slice(2));
  if (given.help) {
    console.log(usage);
    return 0;
  }
  const stopping = new AbortController();
  const hurrying = new AbortController();
  setMaxListeners(0, stopping.signal); // every client that waits listens
  onStopSignals({
    stop: () => {
      say('stopping and cleaning up');
      stopping.abort();
    },
    hurry: () => hurrying.abort(),
  });
  let late = false;
  const limit = setTimeout(
    () => {
      late = true;
      say('this takes longer than it may: giving up');
      stopping.abort();
    },
    given.minutes * 60_000 + BESIDE_MS,
  );
  try {
    return (await runChaos(given, { say, stopping: stopping.signal, hurrying: hurrying.signal })) ? 0 : 1;
  } catch (error) {
    if (stopping.signal.aborted) return late ? 1 : 130;
    throw error;
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
