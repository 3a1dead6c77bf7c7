import { runConsumer } from '../shared/messaging/run-consumer';
import { readConfig, readTogether } from '../shared/service/config';
import { GATEWAY } from '../shared/service/pauses';
import { checkTakeover } from './check-takeover';
import { chooseGateway, gatewayConfig } from './gateway/choose-gateway';
import { handlers } from './handlers';
import { workConfig, workPayments } from './work-payments';

runConsumer({ service: 'payment-service', parts: [GATEWAY] }, handlers, () => {
  const [gateway, work] = readTogether(
    () => readConfig(gatewayConfig),
    () => readConfig(workConfig),
  );
  checkTakeover(gateway, work);
  return (context) => workPayments(chooseGateway(gateway, context.log), work)(context);
});
