import { parseArgs } from 'node:util';

// npm run test:slow -- [--minutes N] [--seed N]: as many simulated histories as the time allows. A
// failure is shrunk to a short story and names its seed.

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string', default: '' } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= 600)) {
  console.error(`--minutes has to be a number from 0 to 600, not "${values.minutes}"`);
  process.exit(2);
}
process.env.SIMULATION_MINUTES = String(minutes);
process.env.SIMULATION_SEED = values.seed;
process.argv = [...process.argv.slice(0, 2), 'proof/histories'];
void import('./run-tests.js');
