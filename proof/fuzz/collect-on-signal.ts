import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Loaded by Node.js before a service (--require): at SIGUSR2 it collects its garbage, so that what it really holds can
// be seen in its metrics.

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
// Without the arguments of a listener: any that is true makes it a collection of the young alone.
process.on('SIGUSR2', () => collect());
