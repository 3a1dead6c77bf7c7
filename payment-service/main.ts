import type { Event } from '../shared/events/envelope';
import { runConsumer } from '../shared/messaging/run-consumer';
import { readConfig, readTogether } from '../shared/service/config';
import { GATEWAY } from '../shared/service/pauses';
import { checkTakeover } from './check-takeover';
import { chooseGateway, gatewayConfig } from './gateway/choose-gateway';
import { handlers } from './handlers';
import { readReviewGauge } from './review-gauge';
import { workConfig, workPayments } from './work-payments';

/** Of an order that is paid in cash there is nothing to be done. */
const patienceMs = ({ data }: Event) =>
  'payment_method' in data && String(data.payment_method) === 'CASH' ? 2_000 : 0;

runConsumer(
  { service: 'payment-service', parts: [GATEWAY], patienceMs, batch: 300, prefetch: 900 },
  handlers,
  () => {
    const [gateway, work] = readTogether(
      () => readConfig(gatewayConfig),
      () => readConfig(workConfig),
    );
    checkTakeover(gateway, work);
    return (context) => {
      readReviewGauge(context.database);
      return workPayments(chooseGateway(gateway, context.log), work)(context);
    };
  },
);
