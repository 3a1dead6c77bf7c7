import { runConsumer } from '../shared/messaging/run-consumer';
import { readConfig } from '../shared/service/config';
import type { Channel } from './delivery/channel';
import { deliver } from './delivery/deliver';
import { deliveryConfig } from './delivery/delivery-config';
import { keepNotifications } from './delivery/keep-notifications';
import { handlers } from './handlers';
import { deliverToLog } from './log/deliver-to-log';
import { tellLog } from './log/tell-log';

/** The ways to reach people, beside the log, by their names in the table. */
const channels: Record<string, Channel> = {};

runConsumer(
  'notification-service',
  handlers,
  () =>
    ({ database, log }) =>
      deliverToLog(database, tellLog(log), log),
  () => {
    const config = readConfig(deliveryConfig);
    return ({ database, log }) => {
      const workers = [
        deliver(database, { channels, concurrency: config.NOTIFICATION_CONCURRENCY }, log),
        keepNotifications(database, config.NOTIFICATION_RETENTION, log),
      ];
      return async () => void (await Promise.all(workers.map((stop) => stop())));
    };
  },
);
