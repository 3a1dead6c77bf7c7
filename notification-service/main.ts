import { runConsumer } from '../shared/messaging/run-consumer';
import { readConfig, readTogether } from '../shared/service/config';
import { CHANNELS } from '../shared/service/pauses';
import { deliver } from './delivery/deliver';
import { deliveryConfig } from './delivery/delivery-config';
import { healthOf } from './delivery/delivery-health';
import { keepNotifications } from './delivery/keep-notifications';
import { handlersOver } from './handlers';
import { deliverToLog } from './log/deliver-to-log';
import { tellLog } from './log/tell-log';
import type { Recorder } from './notify';
import { configuredWays } from './reach';
import { readWebhookGauge } from './webhooks/webhook-gauge';
import { workRequests } from './webhooks/work-requests';

/** Of the ways that are configured; the configuration is read before anything is handled. */
const recorders: Recorder[] = [];

runConsumer(
  // What is told arrives somewhere in seconds; half of one saves most of the work of recording it.
  { service: 'notification-service', parts: CHANNELS, patienceMs: () => 500, batch: 300, prefetch: 900 },
  handlersOver(recorders),
  () => (context) => deliverToLog(context.database, tellLog(context.log), context.log, healthOf(context)),
  () => {
    const [config, ways] = readTogether(() => readConfig(deliveryConfig), configuredWays);
    recorders.push(...ways.map(({ recorder }) => recorder));
    return (context) => {
      const { database, log } = context;
      const health = healthOf(context);
      const channels = Object.fromEntries(ways.map((way) => [way.name, way.open(database, log)]));
      readWebhookGauge(database);
      log.info({ channels: ['LOG', ...Object.keys(channels)] }, 'notifications are sent over these');
      const stops = [
        workRequests(database, log, health),
        keepNotifications(database, config.NOTIFICATION_RETENTION, log, health),
      ];
      if (ways.length > 0)
        stops.push(
          deliver(database, { channels, concurrency: config.NOTIFICATION_CONCURRENCY }, log, health),
        );
      return async () => {
        await Promise.all(stops.map((stop) => stop()));
        for (const channel of Object.values(channels)) channel.close?.();
      };
    };
  },
);
