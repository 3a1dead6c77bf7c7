import { parseStartArguments, usage } from './supervisor/start-arguments';
import { discoverServices } from './supervisor/discover-services';
import { onStopSignals } from './supervisor/stop-signals';
import { runMesh } from './supervisor/run-mesh';
import { runNamedServices } from './supervisor/run-named-services';
import { UserError } from './servers/search';

const say = (line: string) => console.error(`ordermesh: ${line}`);

async function main(): Promise<number> {
  const given = parseStartArguments(process.argv.slice(2), discoverServices());
  if (given.help) {
    console.log(usage);
    return 0;
  }
  const stopping = new AbortController();
  const hurrying = new AbortController();
  onStopSignals({
    stop: (signal) => {
      say(`${signal === 'SIGINT' ? 'Ctrl-C' : signal}: stopping; once more to hurry`);
      stopping.abort();
    },
    hurry: () => hurrying.abort(),
  });
  const control = { say, stopping: stopping.signal, hurrying: hurrying.signal };
  try {
    await (given.services.length > 0 ? runNamedServices(given.services, control) : runMesh(given, control));
  } catch (error) {
    if (!stopping.signal.aborted) throw error; // whatever was under way was interrupted, as asked
  }
  say('stopped');
  return 0;
}

// A reader that goes away (npm start | head) must not take the supervisor with it:
// it still has servers to stop.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof UserError ? `\n${error.message}\n` : error);
    process.exit(1);
  },
);
