import { runConsumer } from '../shared/messaging/run-consumer';
import { readConfig, readTogether } from '../shared/service/config';
import { GATEWAY } from '../shared/service/pauses';
import { checkTakeover } from './check-takeover';
import { chooseGateway, gatewayConfig } from './gateway/choose-gateway';
import { handlers } from './handlers';
import { readReviewGauge } from './review-gauge';
import { workConfig, workPayments } from './work-payments';

runConsumer({ service: 'payment-service', parts: [GATEWAY] }, handlers, () => {
  const [gateway, work] = readTogether(
    () => readConfig(gatewayConfig),
    () => readConfig(workConfig),
  );
  checkTakeover(gateway, work);
  return (context) => {
    readReviewGauge(context.database);
    return workPayments(chooseGateway(gateway, context.log), work)(context);
  };
});
