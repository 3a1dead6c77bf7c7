import { runMain } from './run-main';
import { discoverExamples, discoverServices } from './supervisor/discover-services';
import { runMesh } from './supervisor/run-mesh';
import { takeSecretFiles } from './take-secret-files';
import { runNamedServices } from './supervisor/run-named-services';
import { parseStartArguments, usage } from './supervisor/start-arguments';

// npm start: exits 0 after Ctrl-C, which is how it is meant to end.

const say = (line: string) => console.error(`ordermesh: ${line}`);

runMain(
  async (signals) => {
    const given = parseStartArguments(process.argv.slice(2), [...discoverServices(), ...discoverExamples()]);
    if (given.help) {
      console.log(usage);
      return 0;
    }
    takeSecretFiles();
    const control = { say, ...signals };
    try {
      await (given.services.length > 0 ? runNamedServices(given.services, control) : runMesh(given, control));
    } finally {
      if (signals.stopping.aborted) say('stopped');
    }
    return 0;
  },
  {
    onStop: (signal) => say(`${signal === 'SIGINT' ? 'Ctrl-C' : signal}: stopping; once more to hurry`),
    stoppedCode: 0,
  },
);
