import { runConsumer } from '../shared/messaging/run-consumer';
import { handlers } from './handlers';

runConsumer('analytics-service', handlers);
