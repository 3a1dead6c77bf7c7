import { runConsumer } from '../shared/messaging/run-consumer';
import { handlers } from './handlers';

runConsumer({ patient: 'analytics-service' }, handlers);
