import { runConsumer } from '../shared/messaging/run-consumer';
import { expireOrders } from './expire-orders';
import { handlers } from './handlers';

runConsumer('status-service', handlers, expireOrders);
