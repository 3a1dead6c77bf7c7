import { runConsumer } from '../../shared/messaging/run-consumer';
import { handlers } from './handlers';
import { readPoints } from './read-points';

runConsumer('loyalty-service', handlers, () => ({ database, answer }) => {
  answer('points', (customerId) => readPoints(database, customerId));
  return () => Promise.resolve();
});
