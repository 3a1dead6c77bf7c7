import { runConsumer } from '../shared/messaging/run-consumer';
import { deliverNotifications } from './deliver-notifications';
import { handlers } from './handlers';
import { logChannel } from './log-channel';

runConsumer(
  'notification-service',
  handlers,
  () =>
    ({ database, log }) =>
      deliverNotifications(database, logChannel(log), log),
);
