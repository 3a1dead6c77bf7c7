import { parseArgs } from 'node:util';

// npm run test:slow -- [--minutes N] [--seed N]: as many simulated histories as the time allows, a failure of which is
// shrunk to a short story; then bad messages, as many as go into a third of that time. Both name their seed.

const MESSAGES_PER_MINUTE = 4_000;

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
process.env.FUZZ_MESSAGES = String(Math.ceil(minutes * MESSAGES_PER_MINUTE));
process.env.FUZZ_SEED = values.seed;
process.argv = [...process.argv.slice(0, 2), '--runInBand', 'proof/histories', 'proof/fuzz'];
void import('./run-tests.js');
