import { readArguments } from './read-arguments';

// npm run test:slow -- [--minutes N] [--seed N] [--short] [path…]: the tests of servers that fail and hang, for as long as
// they take; --short leaves out what takes more than two minutes by itself. Beside them as many simulated histories as the time allows, a failure of which is shrunk to a short story, and
// bad messages, as many as go into a third of that time. Both name their seed.

const MESSAGES_PER_MINUTE = 4_000;
const SLOW = '\\.slow\\.test\\.ts$';
const LONG = ['tests/alerts', 'engines/[a-z-]+', 'proof/pauses/[a-z-]+', 'proof/versions/[a-z-]+'];

const { values, positionals } = readArguments(
  'npm run test:slow -- [--minutes N] [--seed N] [--short] [path…]',
  {
    options: {
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: '' },
      short: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  },
);
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= 600)) {
  console.error(`--minutes has to be a number from 0 to 600, not "${values.minutes}"`);
  process.exit(2);
}
process.env.SIMULATION_MINUTES = String(minutes);
process.env.SIMULATION_SEED = values.seed;
process.env.FUZZ_MESSAGES = String(Math.ceil(minutes * MESSAGES_PER_MINUTE));
process.env.FUZZ_SEED = values.seed;
process.env.TEST_SLOW = 'yes';
const slow = values.short ? `(?<!${LONG.join('|')})${SLOW}` : SLOW;
const all = [slow, 'proof/histories', ...(values.short ? [] : ['proof/fuzz'])];
const chosen = positionals.length > 0 ? positionals : all;
process.argv = [...process.argv.slice(0, 2), ...chosen];
void import('./run-tests.js');
