import { readArguments } from './read-arguments';

// npm run fuzz -- [--messages N] [--seed N]: sends so many bad messages to a mesh of its own, as npm test does with few,
// and says what became of them.

const { values } = readArguments('npm run fuzz -- [--messages N] [--seed N]', {
  options: { messages: { type: 'string', default: '30000' }, seed: { type: 'string', default: '' } },
});
const messages = Number(values.messages);
if (!(Number.isInteger(messages) && messages >= 100 && messages <= 1_000_000)) {
  console.error(`--messages has to be a whole number from 100 to 1000000, not "${values.messages}"`);
  process.exit(2);
}
if (!/^\d{0,10}$/.test(values.seed)) {
  console.error(`--seed has to be a whole number, not "${values.seed}"`);
  process.exit(2);
}
process.env.FUZZ_MESSAGES = String(messages);
process.env.FUZZ_SEED = values.seed;
process.argv = [...process.argv.slice(0, 2), '--runInBand', 'proof/fuzz'];
void import('./run-tests.js');
