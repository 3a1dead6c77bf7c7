import { runConsumer } from '../shared/messaging/run-consumer';
import { handlers } from './handlers';

// Nobody waits for it: it takes its work half a second's at a time, at a fraction of the price.
runConsumer({ service: 'analytics-service', patienceMs: () => 2_000, batch: 500, prefetch: 1_500 }, handlers);
