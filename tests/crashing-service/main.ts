import { runConsumer } from '../../shared/messaging/run-consumer';

// A service that dies of one kind of event, as a bug in native code or a full memory would have it; and never ends
// with another, as one that awaits what never comes.
runConsumer(
  'crashing-service',
  {
    'inventory.out_of_stock.v1': async (_tx, events) => {
      if (events.some((event) => event.data.name === 'deadly')) process.kill(process.pid, 'SIGKILL');
      if (events.some((event) => event.data.name === 'endless')) await new Promise(() => undefined);
      return [];
    },
  },
  () =>
    ({ log }) =>
    async () =>
      log.info('its worker is told to stop'),
);
