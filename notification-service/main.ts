import { runConsumer } from '../shared/messaging/run-consumer';
import { readConfig, readTogether } from '../shared/service/config';
import { deliver } from './delivery/deliver';
import { deliveryConfig } from './delivery/delivery-config';
import { keepNotifications } from './delivery/keep-notifications';
import { handlersOver } from './handlers';
import { deliverToLog } from './log/deliver-to-log';
import { tellLog } from './log/tell-log';
import type { Recorder } from './notify';
import { configuredWays } from './reach';
import { workRequests } from './webhooks/work-requests';

/** Of the ways that are configured; the configuration is read before anything is handled. */
const recorders: Recorder[] = [];

runConsumer(
  'notification-service',
  handlersOver(recorders),
  () =>
    ({ database, log }) =>
      deliverToLog(database, tellLog(log), log),
  () => {
    const [config, ways] = readTogether(() => readConfig(deliveryConfig), configuredWays);
    recorders.push(...ways.map(({ recorder }) => recorder));
    return ({ database, log }) => {
      const channels = Object.fromEntries(ways.map((way) => [way.name, way.open(database, log)]));
      log.info({ channels: ['LOG', ...Object.keys(channels)] }, 'notifications are sent over these');
      const stops = [
        workRequests(database, log),
        keepNotifications(database, config.NOTIFICATION_RETENTION, log),
      ];
      if (ways.length > 0)
        stops.push(deliver(database, { channels, concurrency: config.NOTIFICATION_CONCURRENCY }, log));
      return async () => {
        await Promise.all(stops.map((stop) => stop()));
        for (const channel of Object.values(channels)) channel.close?.();
      };
    };
  },
);
